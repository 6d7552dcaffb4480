"""Graded attempts of an evaluation, and how they are grouped into units."""

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from diffkit.errors import StoreError
from diffkit.evaluation.record import Arm, Evaluation, EvaluationEntry, GradedAttemptRef
from diffkit.evaluation.results import read_attempt, read_grade
from diffkit.grader import Grade
from diffkit.runs.manifest import StoredRun
from diffkit.runs.store import Store
from diffkit.verdict import Attempt, Detection


@dataclass(frozen=True)
class GradedCase:
    """One graded attempt and where it came from."""

    entry: EvaluationEntry
    judged: GradedAttemptRef
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
    cases: tuple[GradedCase, ...]


def read_runs(evaluation: Evaluation, store: Store) -> dict[str, StoredRun]:
    """Its runs by digest, those that nulls were calibrated on too; what is gone is left out."""
    found = {}
    for digest in dict.fromkeys(entry.run for entry in evaluation.entries if entry.run):
        if store.has("runs", digest):
            with contextlib.suppress(StoreError):
                found[digest] = store.run(digest)
    return found


def read_cases(
    evaluation: Evaluation, store: Store, runs: Mapping[str, StoredRun]
) -> list[GradedCase]:
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
                GradedCase(entry, judged, attempts[judged.attempt], grade, runs.get(entry.run))
            )
    return found


def group_units(cases: Iterable[GradedCase]) -> tuple[Unit, ...]:
    """Cases gathered by what counts once, in an order that does not hang on theirs."""
    found: dict[tuple[str, str], list[GradedCase]] = {}
    for case in cases:
        found.setdefault(_unit_key(case.entry), []).append(case)
    return tuple(Unit(*key, tuple(found[key])) for key in sorted(found))


def _unit_key(entry: EvaluationEntry) -> tuple[str, str]:
    if entry.truth == "targeted":
        return entry.base, entry.answer or entry.organism
    return entry.base, f"{entry.organism} / {entry.variant}"


METHOD_INDEPENDENT_ARMS: tuple[Arm, ...] = ("combined", "blackbox", "no-evidence")
"""Arms that hang on no method, so that the rows of all methods share their attempts."""


@dataclass(frozen=True)
class AttemptWithGrades:
    """An attempt at a pair, with what each grader made of it."""

    entry: EvaluationEntry
    """The pair; of attempts that methods share, under the first of them."""
    judged: list[GradedAttemptRef] = field(default_factory=list)
    """By each grader."""
    methods: list[str] = field(default_factory=list)
    """Methods whose rows it stands behind."""

    @property
    def first(self) -> GradedAttemptRef:
        """The first of the judgements: they agree in all but what graders say."""
        return self.judged[0]

    @property
    def digest(self) -> str:
        """Of the attempt."""
        return self.first.attempt


def attempts_of(evaluation: Evaluation) -> tuple[AttemptWithGrades, ...]:
    """All attempts, in the evaluation's order."""
    found: dict[tuple[object, ...], AttemptWithGrades] = {}
    for entry, judged in _graded_refs(evaluation):
        pair = (entry.organism, entry.variant, entry.base, entry.seed)
        method = "" if judged.arm in METHOD_INDEPENDENT_ARMS else entry.method
        where = (judged.investigator, judged.arm, judged.repeat, judged.attempt)
        one = found.setdefault((*pair, method, *where), AttemptWithGrades(entry))
        if judged.grader not in {known.grader for known in one.judged}:
            one.judged.append(judged)
        if entry.method not in one.methods:
            one.methods.append(entry.method)
    return tuple(found.values())


def _graded_refs(evaluation: Evaluation) -> Iterator[tuple[EvaluationEntry, GradedAttemptRef]]:
    for entry in evaluation.entries:
        for judged in entry.judged:
            yield entry, judged
