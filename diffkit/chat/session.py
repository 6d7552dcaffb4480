"""What accompanies requests to a language model: transcript, answer cache, prices, usage."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from diffkit.chat.prices import Prices
from diffkit.chat.transcript import Transcript
from diffkit.verdict import Usage


@runtime_checkable
class AnswerCache(Protocol):
    """Answers of language models by the digest of what was asked; it outlives the process."""

    def get(self, key: str) -> Mapping[str, Any] | None:
        """What was answered; none where nothing was."""
        ...

    def put(self, key: str, answer: Mapping[str, Any]) -> None:
        """Keeps an answer."""
        ...


class NoAnswerCache:
    """A `Memory` that keeps nothing."""

    def get(self, key: str) -> Mapping[str, Any] | None:
        """Nothing."""
        del key
        return None

    def put(self, key: str, answer: Mapping[str, Any]) -> None:
        """Forgets."""


@dataclass
class ChatSession:
    """What goes with asking a language model: where it is written down, remembered and priced."""

    repeat: int = 0
    """Number of the repeat, from 0."""
    about: str = ""
    """Digest of the attempt or grade: answers are remembered for each by itself."""
    transcript: Transcript = field(default_factory=Transcript)
    """Every request, answer and tool call is written there."""
    memory: AnswerCache = field(default_factory=NoAnswerCache)
    prices: Prices = field(default_factory=Prices)
    usage: dict[str, Usage] = field(default_factory=dict)
    """Role → what was used so far; whoever asks keeps it true."""
    asked: dict[str, int] = field(default_factory=dict)
    """Digest of a request → how often it was answered, so that asking it again is not the same."""
    sent: dict[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    """Role → messages of its last request, so that the transcript says each message once."""
