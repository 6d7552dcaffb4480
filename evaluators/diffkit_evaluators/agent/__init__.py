"""The agent: a language model that reads findings, questions both models, and commits itself."""

from diffkit import Register, hookimpl


@hookimpl
def register_investigators(register: Register) -> None:
    """Registers the agent."""
    del register
