"""What accompanies requests to a language model: transcript, answer cache, prices, usage."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from diffkit.chat.prices import Prices
from diffkit.chat.transcript import Transcript
from diffkit.verdict import Usage


@runtime_checkable
class AnswerCache(Protocol):
    """Answers of language models by the digest of the request; it is kept across processes."""

    def get(self, key: str) -> Mapping[str, Any] | None:
        """The stored answer; none if there is none."""
        ...

    def put(self, key: str, answer: Mapping[str, Any]) -> None:
        """Stores an answer."""
        ...


class NoAnswerCache:
    """An `AnswerCache` that stores nothing."""

    def get(self, key: str) -> Mapping[str, Any] | None:
        """None."""
        del key
        return None

    def put(self, key: str, answer: Mapping[str, Any]) -> None:
        """Stores nothing."""


@dataclass
class ChatSession:
    """The state of the requests to language models in one attempt or grading."""

    repeat: int = 0
    """Number of the repeat, from 0."""
    owner_digest: str = ""
    """Digest of the attempt or grade; each has its own cached answers."""
    transcript: Transcript = field(default_factory=Transcript)
    """The transcript of every request, answer and tool call."""
    cache: AnswerCache = field(default_factory=NoAnswerCache)
    prices: Prices = field(default_factory=Prices)
    usage: dict[str, Usage] = field(default_factory=dict)
    """Role → usage so far, updated by the client."""
    request_counts: dict[str, int] = field(default_factory=dict)
    """Digest of a request → number of its answers, so that a repeated request gets a new one."""
    last_messages: dict[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    """Role → messages of its last request, so that the transcript holds each message once."""
