"""Reads single records of a store, of which nothing is trusted."""

import os
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from diffkit.chat.transcript import TRANSCRIPT_FILE, Event, read_transcript
from diffkit.errors import StoreError
from diffkit.evaluation.record import Evaluation, TranscriptKind
from diffkit.grader import Grade
from diffkit.records.files import ANY_SIZE, FileStamp, RecordKind, check_file, record_file
from diffkit.records.listing import StoredAttempt, StoredGrade, StoredRecord
from diffkit.records.rows import Place, places_of
from diffkit.runs.files import read_stored
from diffkit.runs.manifest import StoredRun, read_run
from diffkit.verdict import Attempt

_Places = dict[tuple[RecordKind, str], list[Place]]


class RecordReader:
    """Reads records by digest or name, within the store only.

    Every method raises `StoreError` if the record is missing or damaged, or leads outside.

    Args:
        root: the store's folder, with links resolved.
        naming: names of the evaluations that name an attempt or a grade.
    """

    def __init__(self, root: Path, naming: Callable[[RecordKind, str], Sequence[str]]) -> None:
        self._root, self._naming = root, naming
        self._evaluations: dict[str, tuple[FileStamp, _Places]] = {}

    def run(self, name: str) -> StoredRun:
        """A run."""
        file = record_file(self._root, "runs", name)
        check_file(self._root, file)
        if (file.parent / "findings.json").exists():
            check_file(self._root, file.parent / "findings.json", limit=ANY_SIZE)
        return read_run(file.parent)

    def fitting_run(self, wanted: dict[str, str], name: str) -> StoredRun | None:
        """A run; none if it is not as wanted."""
        run = self.run(name)
        labels = run.manifest.labels
        there = {
            "method": run.manifest.identity.method,
            "organism": labels.organism,
            "base": labels.base,
            "label": labels.pair,
        }
        return run if wanted.items() <= there.items() else None

    def _events(self, kind: TranscriptKind, name: str) -> tuple[Event, ...]:
        file = record_file(self._root, kind, name).with_name(TRANSCRIPT_FILE)
        if not os.path.lexists(file):
            return ()
        check_file(self._root, file, limit=ANY_SIZE)
        return tuple(read_transcript(file))

    def _record(self, kind: TranscriptKind, name: str) -> StoredRecord[Any]:
        file = record_file(self._root, kind, name)
        check_file(self._root, file)
        record = read_stored(file, Attempt if kind == "attempts" else Grade)
        places = tuple(self.places(kind, name))
        return StoredRecord(name, record, places, partial(self._events, kind, name))

    def attempt(self, name: str) -> StoredAttempt:
        """An attempt, with the places where evaluations name it."""
        return self._record("attempts", name)

    def grade(self, name: str) -> StoredGrade:
        """A grade, likewise."""
        return self._record("grades", name)

    def fitting_attempt(
        self, placed: dict[str, str], outcome: str | None, name: str
    ) -> StoredAttempt | None:
        """An attempt; none if it is not as wanted."""
        found = self.attempt(name)
        fits = outcome in (None, found.record.outcome) and _is_placed(found.places, placed)
        return found if fits else None

    def fitting_grade(self, placed: dict[str, str], name: str) -> StoredGrade | None:
        """A grade; none if it is not as wanted."""
        found = self.grade(name)
        return found if _is_placed(found.places, placed) else None

    def evaluation(self, name: str) -> Evaluation:
        """An evaluation."""
        file = record_file(self._root, "evaluations", name)
        check_file(self._root, file)
        return read_stored(file, Evaluation)

    def places(self, kind: RecordKind, name: str) -> Iterator[Place]:
        """Where evaluations name an attempt or a grade."""
        for evaluation in self._naming(kind, name):
            yield from self._places_in(evaluation).get((kind, name), ())

    def _places_in(self, name: str) -> _Places:
        """What an evaluation says, read once as long as its file stays."""
        file = record_file(self._root, "evaluations", name)
        try:
            stamp = check_file(self._root, file)
            known = self._evaluations.get(name)
            if known is None or known[0] != stamp:
                known = stamp, places_of(self.evaluation(name))
                self._evaluations[name] = known
        except StoreError:
            return {}
        return known[1]


def _is_placed(places: tuple[Place, ...], wanted: dict[str, str]) -> bool:
    """Whether an evaluation names the record with all that is wanted."""
    return not wanted or any(
        all(getattr(place, name) == value for name, value in wanted.items()) for place in places
    )
