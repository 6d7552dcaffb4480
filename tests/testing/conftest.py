"""Tiny pairs."""

from diffkit.testing.fixtures import (  # noqa: F401
    conforms,
    identical_pair,
    tiny_folder,
    tiny_pair,
    tiny_texts,
)
