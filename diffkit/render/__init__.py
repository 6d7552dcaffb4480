"""Renderers: one each for the terminal and for HTML serves every method, present and future."""
