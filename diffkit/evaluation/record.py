"""What an evaluation stores: its record, and the attempts, grades and answers that it names."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from diffkit.chat.transcript import TRANSCRIPT_FILE, Event, read_transcript
from diffkit.errors import StoreError, UserError, did_you_mean
from diffkit.grader import Grade
from diffkit.organism import Record, TruthClass
from diffkit.runs.files import explain_write_errors, read_stored, write_atomically
from diffkit.runs.store import Store
from diffkit.verdict import Attempt, Detection, Outcome

ControlArm = Literal["no-evidence", "base-only", "evidence-swap", "random", "ceiling"]
"""What an investigator is given instead of a method's findings, as a control."""
MainArm = Literal["method", "combined", "blackbox"]
"""What an investigator is given to find the change: findings of one method, findings of all methods
of the suite, or only questions."""
Arm = Literal[MainArm, ControlArm]
"""What an investigator is given."""
RETRIED_OUTCOMES = frozenset({Outcome.FAILED, Outcome.MODEL_ERROR})
"""Outcomes whose attempts the next evaluation makes again, since their cause may be gone."""
TranscriptKind = Literal["attempts", "grades"]
"""Folders of the store that hold transcripts."""


class GuessScore(Record):
    """Score of an interim verdict."""

    questions: int
    """Number of questions to the models before it."""
    score: float


class GradedAttemptRef(Record):
    """Refers to an attempt of one investigator and its grade by one grader."""

    investigator: str
    grader: str
    arm: Arm = "method"
    """What the investigator was given."""
    repeat: int = 0
    """Number of the repeat, from 0."""
    attempt: str
    """Digest of the attempt."""
    grade: str
    """Digest of the grade; empty where the grader failed."""
    error: str = ""
    """Why the grader failed."""
    detection: Detection | None = None
    """The test of the verdict against calibration nulls, by change score or by ``p_targeted``."""
    curve: tuple[GuessScore, ...] = ()
    """Scores of interim verdicts; empty for graders that use language models."""


class EvaluationEntry(Record):
    """One pair with one method and seed."""

    organism: str
    family: str
    truth: TruthClass
    answer: str = ""
    """Handle of the true statement; empty for nulls."""
    lexical: bool = True
    """Whether the behaviour shows in particular words."""
    base: str
    variant: str
    role: Literal["test", "calibration"]
    method: str
    seed: int
    run: str
    """Digest of the run; empty where a model cannot be loaded."""
    from_table: bool = False
    """Whether a row of a calibration table replaces the run."""
    error: str = ""
    """Why the run failed, where it did."""
    judged: tuple[GradedAttemptRef, ...] = ()
    """Attempts and grades; empty for calibration nulls."""


class Evaluation(Record):
    """A completed evaluation of a suite."""

    name: str
    created: str
    """UTC, ISO 8601."""
    texts: tuple[str, ...]
    """Digests of the texts that pairs were compared on, one for each base."""
    calibration: tuple[str, ...] = ()
    """Null types that methods were calibrated on."""
    graders: Mapping[str, str] = Field(default_factory=dict)
    """Key of each grader, by which its validation is found."""
    notes: tuple[str, ...] = ()
    """Limits of the results: organisms that are inert or untested, nulls from tables."""
    entries: tuple[EvaluationEntry, ...]

    def save(self, store: Store) -> Path:
        """Writes the evaluation to ``store``; replaces one of the same name."""
        path = store.root / "evaluations" / f"{self.name}.json"
        with explain_write_errors(store.root):
            path.parent.mkdir(exist_ok=True)
            write_atomically(path, self.model_dump_json(indent=1) + "\n")
        return path


def read_evaluation(store: Store, name: str | None = None) -> Evaluation:
    """Reads the evaluation ``name``, or the latest one.

    Raises:
        UserError: there is no such evaluation.
        StoreError: its file is damaged.
    """
    paths = sorted(
        (store.root / "evaluations").glob("*.json"), key=lambda path: path.stat().st_mtime
    )
    chosen = [path for path in paths if name in (None, path.stem)]
    if not chosen:
        near = did_you_mean(name, (path.stem for path in paths)) if name else ""
        known = ", ".join(path.stem for path in paths) or "none"
        what = f"The store {store.root} holds no evaluation{f' {name!r}' if name else ''}."
        hint = f"It has: {known}. Make one with `diffkit evaluate`."
        raise UserError(what, hint=f"{near} {hint}".strip())
    try:
        return Evaluation.model_validate_json(chosen[-1].read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        hint = "Run `diffkit evaluate` again; finished runs are kept."
        raise StoreError(f"{chosen[-1]} is damaged.", hint=hint) from error


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
