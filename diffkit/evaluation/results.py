"""Attempts, grades, transcripts and language models' answers as the store keeps them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from diffkit.chat.transcript import (
    TRANSCRIPT_FILE,
    Event,
    read_transcript,
)
from diffkit.grader import Grade
from diffkit.runs.files import explain_write_errors, read_stored, write_atomically
from diffkit.runs.store import Store
from diffkit.verdict import Attempt, Outcome


@dataclass(frozen=True)
class StoredAnswerCache:
    """A `Memory` in the folder ``answers`` of a store.

    Args:
        store: the store.
        forget: whether what was answered before is not looked at; it is replaced then.
    """

    store: Store
    forget: bool = False

    def get(self, key: str) -> Mapping[str, Any] | None:
        """What was answered; none where nothing was, or its file is damaged."""
        if self.forget:
            return None
        try:
            found = json.loads(self._file(key).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return found if isinstance(found, dict) else None

    def put(self, key: str, answer: Mapping[str, Any]) -> None:
        """Keeps an answer."""
        file = self._file(key)
        with explain_write_errors(self.store.root):
            file.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(file, json.dumps(answer, ensure_ascii=False))

    def _file(self, key: str) -> Path:
        return self.store.root / "answers" / key[:2] / f"{key}.json"


TranscriptKind = Literal["attempts", "grades"]


@dataclass(frozen=True)
class StoredTranscript:
    """An attempt or a grade, and its transcript."""

    digest: str
    record: Attempt | Grade
    events: tuple[Event, ...]
    """Empty where no language model was asked."""

    @property
    def noun(self) -> str:
        """What it is."""
        return "attempt" if isinstance(self.record, Attempt) else "grade"


def read_transcript_of(store: Store, kind: TranscriptKind, digest: str) -> StoredTranscript:
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
    return StoredTranscript(digest, record, tuple(read_transcript(folder / TRANSCRIPT_FILE)))


def has_transcript(store: Store, attempt: str) -> bool:
    """Whether a language model was asked in the attempt."""
    return (store.place("attempts", attempt) / TRANSCRIPT_FILE).exists()


RETRIED_OUTCOMES = frozenset({Outcome.FAILED, Outcome.MODEL_ERROR})
"""Outcomes whose attempts are made again by the next evaluation: their cause may be mended."""


def read_attempt(store: Store, key: str) -> Attempt:
    """A stored attempt.

    Raises:
        StoreError: it is gone, or damaged.
    """
    return read_stored(store.place("attempts", key) / "attempt.json", Attempt)


def read_grade(store: Store, key: str) -> Grade:
    """A stored grade.

    Raises:
        StoreError: it is gone, or damaged.
    """
    return read_stored(store.place("grades", key) / "grade.json", Grade)
