"""Builds a leaderboard from an evaluation and the records that it refers to.

Refuses runs that were not made with the same configuration.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import get_args

from diffkit.errors import StoreError
from diffkit.evaluation.grading.validation import read_validation
from diffkit.evaluation.leaderboard.cases import GradedCase, group_units, read_cases, read_runs
from diffkit.evaluation.leaderboard.detection import test_result
from diffkit.evaluation.leaderboard.rows import build_rows
from diffkit.evaluation.leaderboard.schema import Leaderboard, PairResult
from diffkit.evaluation.record import RETRIED_OUTCOMES, Evaluation, EvaluationEntry, MainArm
from diffkit.grader import Grade
from diffkit.runs.manifest import RunLabels, StoredRun
from diffkit.runs.store import Store

_MAIN_ARMS = get_args(MainArm)


def build_leaderboard(evaluation: Evaluation, store: Store) -> Leaderboard:
    """Builds the leaderboard of ``evaluation``.

    Raises:
        StoreError: an attempt or a grade is missing or damaged, or runs differ in configuration.
    """
    runs = read_runs(evaluation, store)
    check_same_configuration(evaluation, runs)
    cases = read_cases(evaluation, store, runs)
    bases = {entry.base for entry in evaluation.entries}
    pairs = list({_pair_key(case): case for case in cases if case.ref.arm in _MAIN_ARMS}.values())
    return Leaderboard(
        suite=evaluation.name,
        rows=build_rows(cases),
        pairs=tuple(_pair_result(case, several_bases=len(bases) > 1) for case in pairs),
        notes=leaderboard_notes(evaluation, cases),
        passports=validation_texts(evaluation, cases, store),
    )


def _pair_key(case: GradedCase) -> tuple[object, ...]:
    """Identifies a result; the method is part of it only in the arm that belongs to a method."""
    entry, ref = case.entry, case.ref
    pair = (entry.organism, entry.base, entry.variant, entry.seed)
    graded = (ref.investigator, ref.grader, ref.arm, ref.repeat)
    return *pair, *graded, entry.method if ref.arm == "method" else ""


def _label(entry: EvaluationEntry, *, several_bases: bool) -> str:
    variant = "" if entry.variant == "default" else f" / {entry.variant}"
    return f"{entry.organism}{variant}{f' on {entry.base}' if several_bases else ''}"


def _pair_result(case: GradedCase, *, several_bases: bool) -> PairResult:
    verdict = case.attempt.verdict
    own, result = case.ref.arm == "method", test_result(case)
    return PairResult(
        organism=case.entry.organism,
        label=_label(case.entry, several_bases=several_bases),
        labels=_labels(case),
        family=case.entry.family,
        truth=case.entry.truth,
        method=case.entry.method if own else "",
        arm=case.ref.arm,
        investigator=case.ref.investigator,
        grader=case.ref.grader,
        seed=case.entry.seed,
        repeat=case.ref.repeat,
        change_score=case.run.manifest.change_score if own and case.run else None,
        p=case.detection.p if case.detection else None,
        t_p=case.detection.t_p if case.detection else None,
        test=result,
        detected=result == "significant" if result in {"significant", "not significant"} else None,
        said=verdict.change if verdict else case.attempt.outcome.value,
        rank=_rank(case.grade),
        named=case.grade.parts.get("named") if case.grade else None,
        score=case.grade.score if case.grade else None,
        run=case.entry.run if own else "",
    )


def _labels(case: GradedCase) -> RunLabels:
    """What the pair is called in this evaluation; the run knows where the finetuned side lies."""
    entry = case.entry
    finetuned = case.run.manifest.labels.finetuned if case.run else ""
    return RunLabels(
        organism=entry.organism, variant=entry.variant, base=entry.base, finetuned=finetuned
    )


def _rank(grade: Grade | None) -> float | None:
    parts = grade.parts if grade else {}
    reciprocal = parts.get("reciprocal_rank")
    return parts.get("rank", 1 / reciprocal if reciprocal else None)


def check_same_configuration(evaluation: Evaluation, runs: Mapping[str, StoredRun]) -> None:
    """Compares the runs of each method, and the texts of each base, with the first of them.

    Raises:
        StoreError: two runs of a method differ in version or options, or two on a base in texts.
    """
    first: dict[tuple[str, str], tuple[EvaluationEntry, object]] = {}
    for entry in evaluation.entries:
        if entry.run not in runs:
            continue
        identity = runs[entry.run].manifest.identity
        shared: dict[tuple[str, str], object] = {
            ("the version of", entry.method): identity.version,
            ("the options of", entry.method): dict(identity.options),
            ("the texts on", entry.base): identity.texts,
        }
        for key, value in shared.items():
            other, expected = first.setdefault(key, (entry, value))
            if value != expected:
                raise _inconsistency(
                    evaluation.name, " ".join(key), other, entry, _difference_text(expected, value)
                )


def _difference_text(expected: object, value: object) -> str:
    """Both values; of options only those that differ."""
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
    """Notes on failures, missing records and the basis of the numbers."""
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
    """One line for each method with failed runs."""
    for method in dict.fromkeys(entry.method for entry in evaluation.entries):
        entries = [entry for entry in evaluation.entries if entry.method == method]
        failed = [entry for entry in entries if entry.error]
        if failed:
            first = f"on {failed[0].organism}: {failed[0].error}"
            count = f"{len(failed)} of {len(entries)} runs"
            yield f"{method}: {count} failed and count as no evidence, such as {first}"


def _failed_attempts(cases: Sequence[GradedCase]) -> Iterator[str]:
    """One line for each investigator with attempts that the same command makes again."""
    made = {case.attempt.digest: case for case in cases}
    failed = [case for case in made.values() if case.attempt.outcome in RETRIED_OUTCOMES]
    for investigator in dict.fromkeys(case.ref.investigator for case in failed):
        own = [case for case in failed if case.ref.investigator == investigator]
        first = f"on {own[0].entry.organism}: {own[0].attempt.error}"
        count = f"{len(own)} attempts failed and are made again next time"
        yield f"{investigator}: {count}, such as {first}"


def _failed_grades(cases: Sequence[GradedCase]) -> Iterator[str]:
    """One line for each grader with failed grades."""
    failed = [case for case in cases if case.grade is None]
    for grader in dict.fromkeys(case.ref.grader for case in failed):
        own = [case for case in failed if case.ref.grader == grader]
        first = f"on {own[0].entry.organism} × {own[0].entry.method}: {own[0].ref.error}"
        yield f"{grader}: {len(own)} attempts are not graded, such as {first}"


def _removed_runs(cases: Sequence[GradedCase]) -> Iterator[str]:
    removed = {case.entry.run for case in cases if case.run is None and not case.entry.error}
    if removed:
        yield f"{len(removed)} runs were removed since; their scores and costs are left out."


def _served_models(cases: Sequence[GradedCase]) -> Iterator[str]:
    """One line for each role whose endpoint served several models."""
    served: dict[tuple[str, str, str], dict[str, None]] = {}
    for case in cases:
        by_name = [(case.ref.investigator, case.attempt.usage)]
        by_name += [(case.ref.grader, case.grade.usage)] if case.grade else []
        for name, usage_by_role in by_name:
            for role, usage in usage_by_role.items():
                found = served.setdefault((name, role, usage.model), {})
                found |= dict.fromkeys(usage.served)
    for (name, role, model), models in served.items():
        if len(models) > 1:
            which = ", ".join(sorted(models))
            yield f"{name}: the endpoint served several models as {role} for {model}: {which}."


def _few_truths(cases: Sequence[GradedCase]) -> Iterator[str]:
    truths = len(group_units(case for case in cases if not case.is_null))
    if 0 < truths < 10:
        few = f"Only {truths} truth{'s' if truths > 1 else ''}"
        yield f"{few}: the intervals say how little that can tell apart."


def _calibration_note(evaluation: Evaluation) -> Iterator[str]:
    if evaluation.calibration:
        null_types = ", ".join(evaluation.calibration)
        yield (
            f"Detection is calibrated on these nulls only: {null_types}. A method may still take "
            "other finetuning without one purpose for a targeted one."
        )


def validation_texts(
    evaluation: Evaluation, cases: Sequence[GradedCase], store: Store
) -> dict[str, str]:
    """The validation of each grader in words.

    A grader that uses language models and was not validated is reported; one that uses none needs
    no validation.
    """
    use_llms = {case.ref.grader for case in cases if case.grade and case.grade.usage}
    found = {}
    for grader in dict.fromkeys(case.ref.grader for case in cases):
        key = evaluation.graders.get(grader)
        validation = read_validation(store, key) if key else None
        if validation:
            found[grader] = validation.summary
        elif grader in use_llms:
            found[grader] = f"not checked: diffkit grader check {grader}"
    return found
