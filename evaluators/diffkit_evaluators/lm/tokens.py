"""What a response says of itself: its tokens, and who served it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Counted:
    """Tokens of one answer."""

    prompt: int
    completion: int


def counted(response: Mapping[str, Any]) -> Counted | None:
    """Its tokens; none where the endpoint does not count both kinds."""
    usage = response.get("usage")
    said = usage if isinstance(usage, Mapping) else {}
    prompt, completion = said.get("prompt_tokens"), said.get("completion_tokens")
    if not (isinstance(prompt, int) and isinstance(completion, int)):
        return None
    return Counted(prompt, completion) if min(prompt, completion) >= 0 else None


def served(response: Mapping[str, Any]) -> tuple[str, ...]:
    """The model that answered, and whose machines it ran on where a router says so."""
    told = (response.get("model"), response.get("provider"))
    known = [one for one in told if isinstance(one, str) and one]
    return (" at ".join(known),) if known else ()
