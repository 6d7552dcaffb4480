"""Graded attempts of an evaluation, and how they are grouped into units."""

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from diffkit.errors import StoreError
from diffkit.evaluation.record import (
    Arm,
    Evaluation,
    EvaluationEntry,
    GradedAttemptRef,
    read_attempt,
    read_grade,
)
from diffkit.grader import Grade
from diffkit.runs.manifest import StoredRun
from diffkit.runs.store import Store
from diffkit.verdict import Attempt, Detection

METHOD_INDEPENDENT_ARMS: tuple[Arm, ...] = ("combined", "blackbox", "no-evidence")
"""Arms whose attempts and scores depend on no method, so that all methods share them.

The attempts of the ceiling depend on none either, but it is none of these arms: its claim is ranked
beside the null claims of a method, so its scores are listed by method. An attempt without evidence
claims nothing, so null claims do not change its score.
"""
SHARED_ATTEMPTS: tuple[Arm, ...] = (*METHOD_INDEPENDENT_ARMS, "ceiling")
"""Arms whose attempts all methods share; their scores may be the same or not."""


@dataclass(frozen=True)
class GradedCase:
    """One graded attempt with the records that it refers to."""

    entry: EvaluationEntry
    ref: GradedAttemptRef
    attempt: Attempt
    grade: Grade | None
    """None where the grader failed."""
    run: StoredRun | None
    """None where it failed, or was removed from the store."""

    @property
    def is_null(self) -> bool:
        """Whether the organism is a null, which has no targeted change."""
        return self.entry.truth != "targeted"

    @property
    def says_targeted(self) -> bool:
        """Whether the investigator calls the change targeted."""
        verdict = self.attempt.verdict
        return verdict is not None and verdict.change == "targeted"

    @property
    def detection(self) -> Detection | None:
        """The detection test of the attempt, else that of its verdict; none without a test."""
        verdict = self.attempt.verdict
        return self.ref.detection or (verdict.detection if verdict else None)


@dataclass(frozen=True)
class Unit:
    """What counts once: a truth on a base, or a null's variant on a base."""

    base: str
    name: str
    """Handle of the truth, or organism and variant of the null."""
    cases: tuple[GradedCase, ...]


def read_runs(evaluation: Evaluation, store: Store) -> dict[str, StoredRun]:
    """The runs of ``evaluation`` by digest, also of nulls; missing runs are left out."""
    found = {}
    for digest in dict.fromkeys(entry.run for entry in evaluation.entries if entry.run):
        if store.has("runs", digest):
            with contextlib.suppress(StoreError):
                found[digest] = store.run(digest)
    return found


def read_cases(
    evaluation: Evaluation, store: Store, runs: Mapping[str, StoredRun]
) -> list[GradedCase]:
    """All graded attempts of ``evaluation``.

    Raises:
        StoreError: an attempt or a grade is missing or damaged.
    """
    attempts: dict[str, Attempt] = {}
    grades: dict[str, Grade] = {}
    found = []
    for entry in evaluation.entries:
        for ref in entry.judged:
            if ref.attempt not in attempts:
                attempts[ref.attempt] = read_attempt(store, ref.attempt)
            if ref.grade and ref.grade not in grades:
                grades[ref.grade] = read_grade(store, ref.grade)
            attempt, grade = attempts[ref.attempt], grades.get(ref.grade)
            found.append(GradedCase(entry, ref, attempt, grade, runs.get(entry.run)))
    return found


def group_units(cases: Iterable[GradedCase]) -> tuple[Unit, ...]:
    """Groups cases into units, sorted by base and name."""
    found: dict[tuple[str, str], list[GradedCase]] = {}
    for case in cases:
        found.setdefault(_unit_key(case.entry), []).append(case)
    return tuple(Unit(*key, tuple(found[key])) for key in sorted(found))


def _unit_key(entry: EvaluationEntry) -> tuple[str, str]:
    if entry.truth == "targeted":
        return entry.base, entry.answer or entry.organism
    return entry.base, f"{entry.organism} / {entry.variant}"


@dataclass(frozen=True)
class AttemptWithGrades:
    """An attempt at a pair, with the grades of all graders."""

    entry: EvaluationEntry
    """The entry of the pair; the first one where methods share the attempt."""
    refs: list[GradedAttemptRef] = field(default_factory=list)
    """One for each grader."""
    methods: list[str] = field(default_factory=list)
    """Methods whose rows count the attempt."""

    @property
    def first(self) -> GradedAttemptRef:
        """The first of the references, which differ only in the grade."""
        return self.refs[0]

    @property
    def digest(self) -> str:
        """Digest of the attempt."""
        return self.first.attempt


def attempts_of(evaluation: Evaluation) -> tuple[AttemptWithGrades, ...]:
    """All attempts of ``evaluation`` in its order, each pair's attempt once."""
    found: dict[tuple[object, ...], AttemptWithGrades] = {}
    for entry, ref in _graded_refs(evaluation):
        pair = (entry.organism, entry.variant, entry.base, entry.seed)
        method = "" if ref.arm in METHOD_INDEPENDENT_ARMS else entry.method
        attempt = (ref.investigator, ref.arm, ref.repeat, ref.attempt)
        one = found.setdefault((*pair, method, *attempt), AttemptWithGrades(entry))
        if ref.grader not in {known.grader for known in one.refs}:
            one.refs.append(ref)
        if entry.method not in one.methods:
            one.methods.append(entry.method)
    return tuple(found.values())


def _graded_refs(evaluation: Evaluation) -> Iterator[tuple[EvaluationEntry, GradedAttemptRef]]:
    for entry in evaluation.entries:
        for ref in entry.judged:
            yield entry, ref
