"""Reads messages of the chat completions API leniently, since endpoints differ."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

ApiMessage = Mapping[str, Any]


@dataclass(frozen=True)
class ApiToolCall:
    """A tool call in a message."""

    id: str
    name: str
    arguments: str
    """As the model wrote them; JSON, or not."""


def message_text(message: ApiMessage, key: str = "content") -> str:
    """The text of a message; the text parts of several, joined."""
    content = message.get(key)
    if isinstance(content, str):
        return content
    return "".join(part for one in _sequence(content) if (part := _string(one, "text")))


def reasoning_text(message: ApiMessage) -> str:
    """The reasoning of a model, if its endpoint returns it."""
    return message_text(message, "reasoning_content") or message_text(message, "reasoning")


def tool_calls(message: ApiMessage) -> tuple[ApiToolCall, ...]:
    """The tool calls of a message."""
    calls = [one for one in _sequence(message.get("tool_calls")) if isinstance(one, Mapping)]
    return tuple(
        ApiToolCall(_string(one, "id"), _string(function, "name"), _arguments(function))
        for one in calls
        if isinstance(function := one.get("function"), Mapping)
    )


def response_message(body: ApiMessage) -> ApiMessage:
    """The message of a response's first choice; empty if it has none."""
    message = _choice(body).get("message")
    return message if isinstance(message, Mapping) else {}


def finish_reason(body: ApiMessage) -> str:
    """The finish reason of a response's first choice; empty if it gives none."""
    return _string(_choice(body), "finish_reason")


def _choice(body: ApiMessage) -> ApiMessage:
    first = next(iter(_sequence(body.get("choices"))), None)
    return first if isinstance(first, Mapping) else {}


def _arguments(function: ApiMessage) -> str:
    given = function.get("arguments", "")
    return given if isinstance(given, str) else json.dumps(given, ensure_ascii=False)


def _sequence(value: object) -> Sequence[Any]:
    return value if isinstance(value, (list, tuple)) else ()


def _string(value: object, key: str) -> str:
    found = value.get(key) if isinstance(value, Mapping) else None
    return found if isinstance(found, str) else ""
