"""Graders beside the lineup: by rubric, by choice, by prediction, by training data."""

from diffkit import Register, hookimpl


@hookimpl
def register_graders(register: Register) -> None:
    """Registers the graders."""
    del register
