"""Attempts, grades, transcripts and language models' answers as the store keeps them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from diffkit.chat.transcript import TRANSCRIPT_FILE, Event, read_transcript
from diffkit.grader import Grade
from diffkit.runs.files import explain_write_errors, read_stored, write_atomically
from diffkit.runs.store import Store
from diffkit.verdict import Attempt, Outcome

RETRIED_OUTCOMES = frozenset({Outcome.FAILED, Outcome.MODEL_ERROR})
"""Outcomes whose attempts the next evaluation makes again, since their cause may be gone."""
TranscriptKind = Literal["attempts", "grades"]
"""Folders of the store that hold transcripts."""


def read_attempt(store: Store, key: str) -> Attempt:
    """Reads a stored attempt.

    Raises:
        StoreError: it is missing or damaged.
    """
    return read_stored(store.place("attempts", key) / "attempt.json", Attempt)


def read_grade(store: Store, key: str) -> Grade:
    """Reads a stored grade.

    Raises:
        StoreError: it is missing or damaged.
    """
    return read_stored(store.place("grades", key) / "grade.json", Grade)


@dataclass(frozen=True)
class StoredTranscript:
    """An attempt or a grade with its transcript."""

    digest: str
    record: Attempt | Grade
    events: tuple[Event, ...]
    """Empty where no language model was called."""

    @property
    def noun(self) -> str:
        """``attempt`` or ``grade``."""
        return "attempt" if isinstance(self.record, Attempt) else "grade"


def read_transcript_of(store: Store, kind: TranscriptKind, digest: str) -> StoredTranscript:
    """Reads a stored attempt or grade with its transcript.

    Raises:
        StoreError: the record or its transcript is missing or damaged.
    """
    record = read_attempt(store, digest) if kind == "attempts" else read_grade(store, digest)
    events = read_transcript(store.place(kind, digest) / TRANSCRIPT_FILE)
    return StoredTranscript(digest, record, tuple(events))


def has_transcript(store: Store, attempt: str) -> bool:
    """Whether a language model was called in the attempt."""
    return (store.place("attempts", attempt) / TRANSCRIPT_FILE).exists()


@dataclass(frozen=True)
class StoredAnswerCache:
    """Answers of language models in the folder ``answers`` of a store; an `AnswerCache`.

    Args:
        store: the store.
        refresh: whether stored answers are ignored and replaced.
    """

    store: Store
    refresh: bool = False

    def get(self, key: str) -> Mapping[str, Any] | None:
        """The stored answer; none where there is none, or its file is damaged."""
        if self.refresh:
            return None
        try:
            found = json.loads(self._file(key).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return found if isinstance(found, dict) else None

    def put(self, key: str, answer: Mapping[str, Any]) -> None:
        """Stores an answer."""
        file = self._file(key)
        with explain_write_errors(self.store.root):
            file.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(file, json.dumps(answer, ensure_ascii=False))

    def _file(self, key: str) -> Path:
        return self.store.root / "answers" / key[:2] / f"{key}.json"
