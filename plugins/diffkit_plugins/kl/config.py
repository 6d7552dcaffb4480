"""Options of kl; does not import torch."""

from pydantic import Field

from diffkit import PositionOptions, execution_option


class KLConfig(PositionOptions):
    """Which texts are read, how much is shown, and how it is executed."""

    texts: int | None = Field(default=None, ge=1)
    """The number of the suite's texts that are read, from the first; none reads all."""
    max_tokens: int = Field(default=256, ge=2, le=131_072)
    """Tokens read of each text, from its beginning."""
    tokens: int = Field(default=30, ge=1, le=1_000)
    """Rows of each table of tokens."""
    traces: int = Field(default=8, ge=0, le=100)
    """Most divergent places shown in their context, each for another word that the finetuned side
    would rather say; at most two in one text."""
    window: int = Field(default=8, ge=0, le=256)
    """Tokens of context shown before and after each of them."""
    candidates: int = Field(default=4, ge=1, le=50)
    """Likeliest tokens of each side shown at each traced token."""
    samples: int = Field(default=8, ge=0, le=100)
    """Of these places, those from which both sides continue the text."""
    max_new_tokens: int = Field(default=32, ge=1, le=4_096)
    """Tokens of each continuation."""
    batch_size: int = execution_option(16, ge=1, le=4_096)
    """Texts read at a time."""
    chunk: int | None = execution_option(None, ge=1, le=1_048_576)
    """Tokens whose divergences are computed at a time; none: as many as fill 4 MB."""
