"""What vLLM added to a prompt."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class NewTokens:
    """How one prompt went on."""

    ids: tuple[int, ...]
    """Without the token that ended it."""
    finished: bool
    """Whether the model ended it."""


def new_tokens(output: Any) -> NewTokens:
    """The tokens of one of vLLM's completions, which holds the one that ended it."""
    ids = tuple(output.token_ids)
    finished = output.finish_reason == "stop"
    return NewTokens(ids[:-1] if finished else ids, finished)
