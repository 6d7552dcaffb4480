"""Attempts and grades with what was said in them."""

from dataclasses import dataclass
from typing import Literal

from diffkit.grader import Grade
from diffkit.runs.files import read_stored
from diffkit.runs.store import Store
from diffkit.transcript import FILE, Event, read_transcript
from diffkit.verdict import Attempt

ToldKind = Literal["attempts", "grades"]


@dataclass(frozen=True)
class Told:
    """An attempt or a grade, and its transcript."""

    digest: str
    record: Attempt | Grade
    events: tuple[Event, ...]
    """Empty where no language model was asked."""

    @property
    def noun(self) -> str:
        """What it is."""
        return "attempt" if isinstance(self.record, Attempt) else "grade"


def read_told(store: Store, kind: ToldKind, digest: str) -> Told:
    """A stored attempt or grade.

    Raises:
        StoreError: it, or its transcript, is gone or damaged.
    """
    folder = store.place(kind, digest)
    record: Attempt | Grade
    if kind == "attempts":
        record = read_stored(folder / "attempt.json", Attempt)
    else:
        record = read_stored(folder / "grade.json", Grade)
    return Told(digest, record, tuple(read_transcript(folder / FILE)))


def has_transcript(store: Store, attempt: str) -> bool:
    """Whether a language model was asked in the attempt."""
    return (store.place("attempts", attempt) / FILE).exists()
