"""What a scripted endpoint answers."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any


@dataclass(frozen=True)
class Answer:
    """One answer; the functions below make them."""

    text: str | None = None
    tools: tuple[tuple[str, str], ...] = ()
    """Name and arguments of each tool call."""
    refusal: str | None = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str | None = None
    """Sent unchanged, instead of all else."""
    counted: bool = True
    """Whether the answer says how many tokens it took."""
    cut: bool = False
    """Whether the connection is closed half-way."""
    delay: float | int = 0
    """Seconds until it is sent."""
    spaces: int = 0
    """How many are sent before it, one in 10 ms."""


def says(text: str) -> Answer:
    """Words."""
    return Answer(text=text)


def calls(*tools: tuple[str, Mapping[str, Any] | str], text: str = "") -> Answer:
    """Tool calls: a name, and arguments as a mapping or as the very string that is sent."""
    sent = tuple(
        (name, given if isinstance(given, str) else json.dumps(given)) for name, given in tools
    )
    return Answer(text=text or None, tools=sent)


def refuses(text: str = "I can't help with that.") -> Answer:
    """A refusal."""
    return Answer(refusal=text)


def empty() -> Answer:
    """An answer that says nothing and calls nothing."""
    return Answer(text="")


def fails(
    status: int, retry_after: float | int | str | None = None, *, message: str = "", code: str = ""
) -> Answer:
    """An error.

    Args:
        status: of HTTP.
        retry_after: the header of that name: seconds, or a date.
        message: what is wrong.
        code: the API's word for it.
    """
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    error = {"message": message or f"scripted error {status}", "type": "scripted", "code": code}
    return Answer(status=status, headers=headers, body=json.dumps({"error": error}))


def raw(body: str, status: int = 200) -> Answer:
    """Any body."""
    return Answer(body=body, status=status)


def cuts() -> Answer:
    """An answer whose connection is closed half-way."""
    return Answer(text="This is never heard to its end.", cut=True)


def slow(seconds: float | int, answer: Answer) -> Answer:
    """``answer``, after so many seconds of real time."""
    return replace(answer, delay=seconds)


def trickles(spaces: int, answer: Answer) -> Answer:
    """``answer`` after so many spaces, one in 10 ms, as some routers send while a model thinks."""
    return replace(answer, spaces=spaces)


def uncounted(answer: Answer) -> Answer:
    """``answer`` from an endpoint that does not count tokens."""
    return replace(answer, counted=False)
