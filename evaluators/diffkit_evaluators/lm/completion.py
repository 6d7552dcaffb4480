"""What a chat completion is, and what is none."""

from collections.abc import Mapping
from typing import Any


def first_choice(response: Any) -> Mapping[str, Any]:
    """The first choice of ``response``; empty where it has none."""
    choices = response.get("choices") if isinstance(response, Mapping) else None
    first = choices[0] if isinstance(choices, list) and choices else None
    return first if isinstance(first, Mapping) else {}


def is_completion(response: Any) -> bool:
    """Whether there is a message in ``response``, from JSON."""
    return isinstance(first_choice(response).get("message"), Mapping)
