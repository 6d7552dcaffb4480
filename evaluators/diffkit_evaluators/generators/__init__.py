"""Generators: transformers in this process, vLLM in this process, or a running vLLM server."""

from diffkit import Register, hookimpl


@hookimpl
def register_generators(register: Register) -> None:
    """Registers the generators."""
    del register
