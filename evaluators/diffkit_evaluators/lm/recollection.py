"""Answers that are kept, so that an attempt that was cut off goes on where it was."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from diffkit import Talk
from diffkit_evaluators.lm.completion import is_completion


class Recollection:
    """Answers to one role in a talk.

    The key is the SHA-256 of address, body, role, what the talk is about, the number of the repeat,
    and how often the same body was answered before. So asking again is another draw, and neither
    repeats nor attempts at two pairs, which may begin alike, ever share one.

    Args:
        talk: holds the memory and the number of the repeat.
        role: ``investigator`` or ``grader``.
        url: address of the endpoint.
        used: whether kept answers are looked up.
    """

    def __init__(self, talk: Talk, role: str, url: str, *, used: bool) -> None:
        self._talk = talk
        self._role = role
        self._url = url
        self._used = used
        self._last = ""

    def get(self, body: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """The kept answer to ``body``; none where there is none, or what is kept is no answer."""
        kept = self._talk.memory.get(self._key(body)) if self._used else None
        return kept if is_completion(kept) else None

    def put(self, body: Mapping[str, Any], answer: Mapping[str, Any]) -> None:
        """Keeps an answer that the endpoint gave."""
        self._talk.memory.put(self._key(body), answer)

    def answered(self, body: Mapping[str, Any]) -> None:
        """Says that ``body`` was answered, from memory or not."""
        self._last = self._key(body)
        same = self._digest(body)
        self._talk.asked[same] = self._talk.asked.get(same, 0) + 1

    def forget_last(self) -> None:
        """Keeps the answer that was given last no longer."""
        self._talk.memory.put(self._last, {})

    def _key(self, body: Mapping[str, Any]) -> str:
        return _sha256([self._digest(body), self._talk.asked.get(self._digest(body), 0)])

    def _digest(self, body: Mapping[str, Any]) -> str:
        talk = self._talk
        return _sha256([self._url, body, self._role, talk.about, talk.repeat])


def _sha256(value: Any) -> str:
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()
