"""What the two sides read after a soft prompt."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Context:
    """The opening that a completion goes on from."""

    ids: tuple[int, ...]
    """At least one."""
    words: str
    """The ids decoded."""
    category: str
    """Of the text that it comes from; where that has none, its kind (``user's turn``, …)."""
    number: int
    """Its place among all contexts: draws come from it and the seed."""


@dataclass(frozen=True)
class Passage:
    """Tokens that both sides read, and from which of them on predictions count."""

    ids: tuple[int, ...]
    """Without the soft prompt."""
    start: int
    """The first token whose prediction counts: a completion's first, or 0 in a text, which the
    soft prompt predicts whole."""
    category: str
    words: str = ""
    """What counts, decoded."""
    context: Context | None = None
    """What it is a completion of; none for a text."""


@dataclass(frozen=True)
class Data:
    """What is trained on, and what is held out."""

    training: tuple[Context, ...]
    held_out: tuple[Context, ...]
    texts: tuple[Passage, ...] = ()
    """Texts that are trained on; where ``source`` is ``texts`` or ``both``."""
    held_out_texts: tuple[Passage, ...] = ()
