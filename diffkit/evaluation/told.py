"""Attempts and grades with what was said in them."""

from dataclasses import dataclass
from pathlib import Path

from diffkit.grader import Grade
from diffkit.runs.files import read_stored
from diffkit.runs.store import Store
from diffkit.transcript import FILE, Event, read_transcript
from diffkit.verdict import Attempt


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


def told_attempt(store: Store, digest: str) -> Told:
    """A stored attempt.

    Raises:
        StoreError: it, or its transcript, is gone or damaged.
    """
    folder = store.place("attempts", digest)
    return Told(digest, read_stored(folder / "attempt.json", Attempt), _events(folder))


def told_grade(store: Store, digest: str) -> Told:
    """A stored grade.

    Raises:
        StoreError: it, or its transcript, is gone or damaged.
    """
    folder = store.place("grades", digest)
    return Told(digest, read_stored(folder / "grade.json", Grade), _events(folder))


def _events(folder: Path) -> tuple[Event, ...]:
    return tuple(read_transcript(folder / FILE))
