"""Tiny pairs."""

from diffkit.testing.fixtures import (  # noqa: F401
    conforms,
    identical_pair,
    study_conforms,
    tiny_folder,
    tiny_model,
    tiny_pair,
    tiny_texts,
)
