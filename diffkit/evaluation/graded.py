"""What the records of an evaluation point to, and what of it counts once."""

import contextlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from diffkit.errors import StoreError
from diffkit.evaluation.attempts import read_attempt
from diffkit.evaluation.grades import read_grade
from diffkit.evaluation.record import Entry, Evaluation, Judged
from diffkit.grader import Grade
from diffkit.runs.manifest import StoredRun
from diffkit.runs.store import Store
from diffkit.verdict import Attempt, Detection


@dataclass(frozen=True)
class Graded:
    """One graded attempt and where it came from."""

    entry: Entry
    judged: Judged
    attempt: Attempt
    grade: Grade | None
    """None where the grader failed."""
    run: StoredRun | None
    """None where it failed, or was removed since."""

    @property
    def null(self) -> bool:
        """Whether nothing targeted was done."""
        return self.entry.truth != "targeted"

    @property
    def called(self) -> bool:
        """Whether the investigator said that something targeted was done."""
        verdict = self.attempt.verdict
        return verdict is not None and verdict.change == "targeted"

    @property
    def detection(self) -> Detection | None:
        """The test of this very attempt, or else the one behind its verdict, where there is one."""
        verdict = self.attempt.verdict
        return self.judged.detection or (verdict.detection if verdict else None)


@dataclass(frozen=True)
class Unit:
    """What counts once: a truth on a base; of nulls, a variant of an organism on a base."""

    base: str
    name: str
    """Handle of the truth; of nulls, organism and variant."""
    cases: tuple[Graded, ...]


def runs_of(evaluation: Evaluation, store: Store) -> dict[str, StoredRun]:
    """Its runs by digest, those that nulls were calibrated on too; what is gone is left out."""
    found = {}
    for digest in dict.fromkeys(entry.run for entry in evaluation.entries if entry.run):
        if store.has("runs", digest):
            with contextlib.suppress(StoreError):
                found[digest] = store.run(digest)
    return found


def read(evaluation: Evaluation, store: Store, runs: Mapping[str, StoredRun]) -> list[Graded]:
    """Every graded attempt of ``evaluation``.

    Raises:
        StoreError: an attempt or a grade is gone, or damaged.
    """
    attempts: dict[str, Attempt] = {}
    grades: dict[str, Grade] = {}
    found = []
    for entry in evaluation.entries:
        for judged in entry.judged:
            if judged.attempt not in attempts:
                attempts[judged.attempt] = read_attempt(store, judged.attempt)
            if judged.grade and judged.grade not in grades:
                grades[judged.grade] = read_grade(store, judged.grade)
            grade = grades.get(judged.grade)
            found.append(
                Graded(entry, judged, attempts[judged.attempt], grade, runs.get(entry.run))
            )
    return found


def units(cases: Iterable[Graded]) -> tuple[Unit, ...]:
    """Cases gathered by what counts once, in an order that does not hang on theirs."""
    found: dict[tuple[str, str], list[Graded]] = {}
    for case in cases:
        found.setdefault(_unit(case.entry), []).append(case)
    return tuple(Unit(*key, tuple(found[key])) for key in sorted(found))


def _unit(entry: Entry) -> tuple[str, str]:
    if entry.truth == "targeted":
        return entry.base, entry.answer or entry.organism
    return entry.base, f"{entry.organism} / {entry.variant}"
