"""Makes a leaderboard of an evaluation and the records it points to."""

from typing import get_args

from diffkit.evaluation.consistency import check_alike
from diffkit.evaluation.graded import Graded, read, runs_of
from diffkit.evaluation.leaderboard import Leaderboard, PairResult
from diffkit.evaluation.notes import notes
from diffkit.evaluation.noticing import passes
from diffkit.evaluation.passports import passports
from diffkit.evaluation.record import Entry, Evaluation, MainArm
from diffkit.evaluation.rows import rows
from diffkit.grader import Grade
from diffkit.runs.store import Store

_MAIN = get_args(MainArm)


def build(evaluation: Evaluation, store: Store) -> Leaderboard:
    """The leaderboard of ``evaluation``.

    Raises:
        StoreError: an attempt or a grade is gone or damaged, or runs were not made alike.
    """
    runs = runs_of(evaluation, store)
    check_alike(evaluation, runs)
    cases = read(evaluation, store, runs)
    bases = {entry.base for entry in evaluation.entries}
    pairs = list({_identity(case): case for case in cases if case.judged.arm in _MAIN}.values())
    return Leaderboard(
        suite=evaluation.name,
        rows=rows(cases),
        pairs=tuple(_pair(case, several_bases=len(bases) > 1) for case in pairs),
        notes=notes(evaluation, cases),
        passports=passports(evaluation, cases, store),
    )


def _identity(case: Graded) -> tuple[object, ...]:
    """What tells pairs apart: of arms that are no method's, not under which method they stand."""
    entry, judged = case.entry, case.judged
    pair = (entry.organism, entry.base, entry.variant, entry.seed)
    reading = (judged.investigator, judged.grader, judged.arm, judged.repeat)
    return *pair, *reading, entry.method if judged.arm == "method" else ""


def _label(entry: Entry, *, several_bases: bool) -> str:
    variant = "" if entry.variant == "default" else f" / {entry.variant}"
    return f"{entry.organism}{variant}{f' on {entry.base}' if several_bases else ''}"


def _pair(case: Graded, *, several_bases: bool) -> PairResult:
    verdict = case.attempt.verdict
    own = case.judged.arm == "method"
    return PairResult(
        organism=case.entry.organism,
        label=_label(case.entry, several_bases=several_bases),
        family=case.entry.family,
        truth=case.entry.truth,
        method=case.entry.method if own else "",
        arm=case.judged.arm,
        investigator=case.judged.investigator,
        grader=case.judged.grader,
        seed=case.entry.seed,
        repeat=case.judged.repeat,
        change_score=case.run.manifest.change_score if own and case.run else None,
        p=case.detection.p if case.detection else None,
        detected=passes(case) if case.detection else None,
        said=verdict.change if verdict else case.attempt.outcome.value,
        rank=_rank(case.grade),
        named=case.grade.parts.get("named") if case.grade else None,
        score=case.grade.score if case.grade else None,
        run=case.entry.run if own else "",
    )


def _rank(grade: Grade | None) -> float | None:
    parts = grade.parts if grade else {}
    reciprocal = parts.get("reciprocal_rank")
    return parts.get("rank", 1 / reciprocal if reciprocal else None)
