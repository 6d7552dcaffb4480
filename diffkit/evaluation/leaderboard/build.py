"""Builds a leaderboard from an evaluation and the records that it refers to.

Refuses runs that were not made with the same configuration.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import get_args

from diffkit.errors import StoreError
from diffkit.evaluation.grading.validation import read_validation
from diffkit.evaluation.leaderboard.cases import GradedCase, group_units, read_cases, read_runs
from diffkit.evaluation.leaderboard.detection import is_detected
from diffkit.evaluation.leaderboard.rows import build_rows
from diffkit.evaluation.leaderboard.schema import Leaderboard, PairResult
from diffkit.evaluation.record import Evaluation, EvaluationEntry, MainArm
from diffkit.evaluation.results import RETRIED_OUTCOMES
from diffkit.grader import Grade
from diffkit.runs.manifest import StoredRun
from diffkit.runs.store import Store


def check_same_configuration(evaluation: Evaluation, runs: Mapping[str, StoredRun]) -> None:
    """Holds the runs of each method, and the texts of each base, against the first of them.

    Raises:
        StoreError: two runs of a method differ in version or options, or two on a base in texts.
    """
    first: dict[tuple[str, str], tuple[EvaluationEntry, object]] = {}
    for entry in evaluation.entries:
        if entry.run not in runs:
            continue
        made = runs[entry.run].manifest.identity
        alike: dict[tuple[str, str], object] = {
            ("the version of", entry.method): made.version,
            ("the options of", entry.method): dict(made.options),
            ("the texts on", entry.base): made.texts,
        }
        for key, value in alike.items():
            other, expected = first.setdefault(key, (entry, value))
            if value != expected:
                raise _inconsistency(
                    evaluation.name, " ".join(key), other, entry, _difference_text(expected, value)
                )


def _difference_text(expected: object, value: object) -> str:
    """What differs, of options only those that do."""
    if isinstance(expected, dict) and isinstance(value, dict):
        names = [name for name in {**expected, **value} if expected.get(name) != value.get(name)]
        return " against ".join(
            ", ".join(f"{name}={options.get(name)!r}" for name in names)
            for options in (expected, value)
        )
    return " against ".join(
        f"{one:.12}" if isinstance(one, str) else f"{one}" for one in (expected, value)
    )


def _inconsistency(
    name: str, what: str, one: EvaluationEntry, other: EvaluationEntry, values: str
) -> StoreError:
    where = " and ".join(
        f"{entry.organism} ({entry.variant}, run {entry.run[:12]})" for entry in (one, other)
    )
    return StoreError(
        f"The evaluation {name!r} cannot be compared: {what} differ between {where}: {values}.",
        hint="Evaluate all of them by one suite: diffkit evaluate SUITE; runs that fit are found.",
    )


def leaderboard_notes(evaluation: Evaluation, cases: Sequence[GradedCase]) -> tuple[str, ...]:
    """Failures, what is missing, and what the numbers rest on."""
    return (
        *evaluation.notes,
        *_failed_runs(evaluation),
        *_failed_attempts(cases),
        *_failed_grades(cases),
        *_removed_runs(cases),
        *_served_models(cases),
        *_few_truths(cases),
        *_calibration_note(evaluation),
    )


def _failed_runs(evaluation: Evaluation) -> Iterator[str]:
    """One line a method, however many of its runs failed."""
    for method in dict.fromkeys(entry.method for entry in evaluation.entries):
        entries = [entry for entry in evaluation.entries if entry.method == method]
        failed = [entry for entry in entries if entry.error]
        if failed:
            first = f"on {failed[0].organism}: {failed[0].error}"
            count = f"{len(failed)} of {len(entries)} runs"
            yield f"{method}: {count} failed and count as no evidence, such as {first}"


def _failed_attempts(cases: Sequence[GradedCase]) -> Iterator[str]:
    """One line an investigator, of attempts that the same command makes again."""
    made = {case.attempt.digest: case for case in cases}
    failed = [case for case in made.values() if case.attempt.outcome in RETRIED_OUTCOMES]
    for reader in dict.fromkeys(case.judged.investigator for case in failed):
        own = [case for case in failed if case.judged.investigator == reader]
        first = f"on {own[0].entry.organism}: {own[0].attempt.error}"
        yield f"{reader}: {len(own)} attempts failed and are made again next time, such as {first}"


def _failed_grades(cases: Sequence[GradedCase]) -> Iterator[str]:
    """One line a grader."""
    failed = [case for case in cases if case.grade is None]
    for grader in dict.fromkeys(case.judged.grader for case in failed):
        own = [case for case in failed if case.judged.grader == grader]
        first = f"on {own[0].entry.organism} × {own[0].entry.method}: {own[0].judged.error}"
        yield f"{grader}: {len(own)} attempts are not graded, such as {first}"


def _removed_runs(cases: Sequence[GradedCase]) -> Iterator[str]:
    gone = {case.entry.run for case in cases if case.run is None and not case.entry.error}
    if gone:
        yield f"{len(gone)} runs were removed since; their scores and costs are left out."


def _served_models(cases: Sequence[GradedCase]) -> Iterator[str]:
    """One line for each role of a reader or grader whose endpoint did not stay the same."""
    served: dict[tuple[str, str, str], dict[str, None]] = {}
    for case in cases:
        by_name = [(case.judged.investigator, case.attempt.usage)]
        by_name += [(case.judged.grader, case.grade.usage)] if case.grade else []
        for name, used in by_name:
            for role, usage in used.items():
                found = served.setdefault((name, role, usage.model), {})
                found |= dict.fromkeys(usage.served)
    for (name, role, model), models in served.items():
        if len(models) > 1:
            which = ", ".join(sorted(models))
            yield f"{name}: the endpoint served several models as {role} for {model}: {which}."


def _few_truths(cases: Sequence[GradedCase]) -> Iterator[str]:
    truths = len(group_units(case for case in cases if not case.null))
    if 0 < truths < 10:
        few = f"Only {truths} truth{'s' if truths > 1 else ''}"
        yield f"{few}: the intervals say how little that can tell apart."


def _calibration_note(evaluation: Evaluation) -> Iterator[str]:
    if evaluation.calibration:
        rungs = ", ".join(evaluation.calibration)
        yield (
            f"Detection is calibrated on these nulls only: {rungs}. A method may still take "
            "other finetuning without one purpose for a targeted one."
        )


def validation_texts(
    evaluation: Evaluation, cases: Sequence[GradedCase], store: Store
) -> dict[str, str]:
    """Grader → its passport in words.

    One that asks language models and was not checked says so; one that asks none needs no check.
    """
    asking = {case.judged.grader for case in cases if case.grade and case.grade.usage}
    found = {}
    for grader in dict.fromkeys(case.judged.grader for case in cases):
        key = evaluation.graders.get(grader)
        passport = read_validation(store, key) if key else None
        if passport:
            found[grader] = passport.words
        elif grader in asking:
            found[grader] = f"not checked: diffkit grader check {grader}"
    return found


_MAIN = get_args(MainArm)


def build_leaderboard(evaluation: Evaluation, store: Store) -> Leaderboard:
    """The leaderboard of ``evaluation``.

    Raises:
        StoreError: an attempt or a grade is gone or damaged, or runs were not made alike.
    """
    runs = read_runs(evaluation, store)
    check_same_configuration(evaluation, runs)
    cases = read_cases(evaluation, store, runs)
    bases = {entry.base for entry in evaluation.entries}
    pairs = list({_pair_key(case): case for case in cases if case.judged.arm in _MAIN}.values())
    return Leaderboard(
        suite=evaluation.name,
        rows=build_rows(cases),
        pairs=tuple(_pair_result(case, several_bases=len(bases) > 1) for case in pairs),
        notes=leaderboard_notes(evaluation, cases),
        passports=validation_texts(evaluation, cases, store),
    )


def _pair_key(case: GradedCase) -> tuple[object, ...]:
    """What tells pairs apart: of arms that are no method's, not under which method they stand."""
    entry, judged = case.entry, case.judged
    pair = (entry.organism, entry.base, entry.variant, entry.seed)
    reading = (judged.investigator, judged.grader, judged.arm, judged.repeat)
    return *pair, *reading, entry.method if judged.arm == "method" else ""


def _label(entry: EvaluationEntry, *, several_bases: bool) -> str:
    variant = "" if entry.variant == "default" else f" / {entry.variant}"
    return f"{entry.organism}{variant}{f' on {entry.base}' if several_bases else ''}"


def _pair_result(case: GradedCase, *, several_bases: bool) -> PairResult:
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
        detected=is_detected(case) if case.detection else None,
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
