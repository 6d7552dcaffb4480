"""Scripts: what an endpoint answers to which request."""

import json
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from diffkit.testing.endpoint.answers import Answer, calls
from diffkit.testing.endpoint.completion import digest

Script = Callable[[Mapping[str, Any], int], Answer]
"""Takes a request's body and its number, from 1. Scripts that read the body alone are the same for
requests in any order."""


def always(answer: Answer) -> Script:
    """``answer``, to everything."""
    return lambda _body, _number: answer


def in_turn(*answers: Answer) -> Script:
    """One answer after the other, in the order of the requests; the last for ever."""
    return lambda _body, number: answers[min(number, len(answers)) - 1]


def turns(body: Mapping[str, Any]) -> int:
    """How often the model spoke in this conversation."""
    return sum(message["role"] == "assistant" for message in body["messages"])


def at_first(answer: Answer, inner: Script, times: int = 1) -> Script:
    """``answer`` to the first ``times`` of each request, then what ``inner`` says."""
    seen = Seen()
    return lambda body, number: answer if seen(body) < times else inner(body, number)


class Seen:
    """How often each body was seen before; many threads may ask."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()

    def __call__(self, body: Mapping[str, Any]) -> int:
        """Counts ``body``."""
        with self._lock:
            self._counts[digest(body)] += 1
            return self._counts[digest(body)] - 1


def malformed_calls(inner: Script, times: int = 4) -> Script:
    """Tool calls that cannot be carried out in the first turns of a conversation, then ``inner``.

    Broken JSON, no such tool, arguments of the wrong kind, two calls of which one is bad.
    """
    bad = (
        calls(("ask_models", '{"prompts": ["Hel')),
        calls(("delete_everything", {"now": True})),
        calls(("ask_models", {"prompts": 7, "volume": "loud"}), ("submit_verdict", "[]")),
        calls(("list_findings", {}), ("read_finding", {"name": "no-such-finding"})),
    )

    def script(body: Mapping[str, Any], number: int) -> Answer:
        spoken = turns(body)
        return bad[spoken % len(bad)] if spoken < times else inner(body, number)

    return script


def in_words(inner: Script) -> Script:
    """``inner`` of a model without tools: its calls are JSON in its text."""

    def script(body: Mapping[str, Any], number: int) -> Answer:
        answer = inner(body, number)
        said = [json.dumps({"tool": name, "arguments": _read(text)}) for name, text in answer.tools]
        text = "\n".join([answer.text or "", *said]).strip()
        return replace(answer, text=text, tools=()) if said else answer

    return script


def _read(arguments: str) -> Any:
    try:
        return json.loads(arguments)
    except ValueError:
        return arguments
