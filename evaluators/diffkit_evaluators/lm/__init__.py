"""Language models behind an OpenAI-compatible endpoint: asked, written down, remembered, priced."""
