"""What the index remembers of a record."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from diffkit.errors import StoreError
from diffkit.evaluation.record import Evaluation, EvaluationEntry
from diffkit.grader import Grade
from diffkit.records.files import FileStamp, RecordKind, check_file, record_file
from diffkit.runs.files import read_stored
from diffkit.runs.manifest import RunLabels, read_run
from diffkit.verdict import Attempt


@dataclass(frozen=True)
class IndexedRecord:
    """A record as the index has it, to be found by; nothing of it is shown."""

    kind: RecordKind
    name: str
    """Digest; of an evaluation, its name."""
    stamp: FileStamp
    time: str
    """UTC, ISO 8601: when a run started, or a record was written."""
    labels: RunLabels = field(default_factory=RunLabels)
    """Of a run."""
    method: str = ""
    """Of a run."""
    outcome: str = ""
    """Of an attempt."""
    problem: str = ""
    """Why it cannot be read; empty if it can."""


@dataclass(frozen=True)
class Place:
    """Where an evaluation names an attempt or a grade."""

    evaluation: str
    organism: str
    variant: str
    base: str
    method: str
    investigator: str
    grader: str
    arm: str

    @property
    def label(self) -> str:
        """The pair, as runs are labelled."""
        return pair_label(self.organism, self.variant, self.base)


def pair_label(organism: str, variant: str, base: str) -> str:
    """What a pair of an evaluation is called: as in `RunLabels.pair`."""
    return RunLabels(organism=organism, variant=variant, base=base).pair


def read_indexed(root: Path, kind: RecordKind, name: str) -> IndexedRecord:
    """What there is to remember of a record; one that cannot be read says why."""
    file = record_file(root, kind, name)
    stamp = FileStamp(0, 0)
    try:
        stamp = check_file(root, file)
        return _read(file, kind, name, stamp)
    except StoreError as error:
        return IndexedRecord(kind, name, stamp, "", problem=str(error))


def _read(file: Path, kind: RecordKind, name: str, stamp: FileStamp) -> IndexedRecord:
    written = datetime.fromtimestamp(stamp.modified / 1e9, UTC).isoformat(timespec="milliseconds")
    match kind:
        case "runs":
            manifest = read_run(file.parent).manifest
            method, labels = manifest.identity.method, manifest.labels
            return IndexedRecord(kind, name, stamp, manifest.started, labels, method)
        case "attempts":
            outcome = read_stored(file, Attempt).outcome
            return IndexedRecord(kind, name, stamp, written, outcome=outcome)
        case "grades":
            read_stored(file, Grade)
        case "evaluations":
            read_stored(file, Evaluation)
    return IndexedRecord(kind, name, stamp, written)


def places_of(evaluation: Evaluation) -> dict[tuple[RecordKind, str], list[Place]]:
    """Where an evaluation names attempts and grades, by kind and digest."""
    found: dict[tuple[RecordKind, str], list[Place]] = {}
    for entry in evaluation.entries:
        for ref in entry.judged:
            place = _place(evaluation.name, entry, ref.investigator, ref.grader, ref.arm)
            for key in _keys(ref.attempt, ref.grade):
                found.setdefault(key, []).append(place)
    return found


def _keys(attempt: str, grade: str) -> list[tuple[RecordKind, str]]:
    return [("attempts", attempt), *([("grades", grade)] if grade else [])]  # type: ignore[list-item]


def _place(name: str, entry: EvaluationEntry, investigator: str, grader: str, arm: str) -> Place:
    pair = (entry.organism, entry.variant, entry.base)
    return Place(name, *pair, entry.method, investigator, grader, arm)
