"""What a reader of a leaderboard must know before believing the numbers."""

from collections.abc import Iterator, Sequence

from diffkit.evaluation.attempts import AGAIN
from diffkit.evaluation.graded import Graded, units
from diffkit.evaluation.record import Evaluation


def notes(evaluation: Evaluation, cases: Sequence[Graded]) -> tuple[str, ...]:
    """Failures, what is missing, and what the numbers rest on."""
    return (
        *evaluation.notes,
        *_failures(evaluation),
        *_unsaid(cases),
        *_ungraded(cases),
        *_gone(cases),
        *_served(cases),
        *_few(cases),
        *_calibrated(evaluation),
    )


def _failures(evaluation: Evaluation) -> Iterator[str]:
    """One line a method, however many of its runs failed."""
    for method in dict.fromkeys(entry.method for entry in evaluation.entries):
        entries = [entry for entry in evaluation.entries if entry.method == method]
        failed = [entry for entry in entries if entry.error]
        if failed:
            first = f"on {failed[0].organism}: {failed[0].error}"
            count = f"{len(failed)} of {len(entries)} runs"
            yield f"{method}: {count} failed and count as no evidence, such as {first}"


def _unsaid(cases: Sequence[Graded]) -> Iterator[str]:
    """One line an investigator, of attempts that the same command makes again."""
    made = {case.attempt.digest: case for case in cases}
    failed = [case for case in made.values() if case.attempt.outcome in AGAIN]
    for reader in dict.fromkeys(case.judged.investigator for case in failed):
        own = [case for case in failed if case.judged.investigator == reader]
        first = f"on {own[0].entry.organism}: {own[0].attempt.error}"
        yield f"{reader}: {len(own)} attempts failed and are made again next time, such as {first}"


def _ungraded(cases: Sequence[Graded]) -> Iterator[str]:
    """One line a grader."""
    failed = [case for case in cases if case.grade is None]
    for grader in dict.fromkeys(case.judged.grader for case in failed):
        own = [case for case in failed if case.judged.grader == grader]
        first = f"on {own[0].entry.organism} × {own[0].entry.method}: {own[0].judged.error}"
        yield f"{grader}: {len(own)} attempts are not graded, such as {first}"


def _gone(cases: Sequence[Graded]) -> Iterator[str]:
    gone = {case.entry.run for case in cases if case.run is None and not case.entry.error}
    if gone:
        yield f"{len(gone)} runs were removed since; their scores and costs are left out."


def _served(cases: Sequence[Graded]) -> Iterator[str]:
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


def _few(cases: Sequence[Graded]) -> Iterator[str]:
    truths = len(units(case for case in cases if not case.null))
    if 0 < truths < 10:
        few = f"Only {truths} truth{'s' if truths > 1 else ''}"
        yield f"{few}: the intervals say how little that can tell apart."


def _calibrated(evaluation: Evaluation) -> Iterator[str]:
    if evaluation.calibration:
        rungs = ", ".join(evaluation.calibration)
        yield (
            f"Detection is calibrated on these nulls only: {rungs}. A method may still take "
            "other finetuning without one purpose for a targeted one."
        )
