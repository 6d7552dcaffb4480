"""Makes a leaderboard of an evaluation and the records it points to."""

import contextlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean

from diffkit.errors import StoreError
from diffkit.evaluation.attempts import read_attempt
from diffkit.evaluation.grades import read_grade
from diffkit.evaluation.leaderboard import Leaderboard, PairResult, Row, Share
from diffkit.evaluation.record import Entry, Evaluation, Judged
from diffkit.grader import Grade
from diffkit.runs.manifest import StoredRun
from diffkit.runs.store import Store
from diffkit.statistics import wilson
from diffkit.verdict import Attempt


@dataclass(frozen=True)
class _Case:
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
        return self.entry.truth != "targeted"


def build(evaluation: Evaluation, store: Store) -> Leaderboard:
    """The leaderboard of ``evaluation``: rows by top-1, then by reciprocal rank."""
    cases = [_read(entry, judged, store) for entry in evaluation.entries for judged in entry.judged]
    groups: dict[tuple[str, str, str], list[_Case]] = {}
    for case in cases:
        key = (case.entry.method, case.judged.investigator, case.judged.grader)
        groups.setdefault(key, []).append(case)
    bases = {entry.base for entry in evaluation.entries}
    rows = [_row(key, group) for key, group in groups.items()]
    rows.sort(key=lambda row: (-(row.top1.value or 0), -(row.reciprocal_rank or 0), row.method))
    return Leaderboard(
        suite=evaluation.name,
        rows=tuple(rows),
        pairs=tuple(_pair(case, several_bases=len(bases) > 1) for case in cases),
        notes=_notes(evaluation, cases),
    )


def _read(entry: Entry, judged: Judged, store: Store) -> _Case:
    run = None
    if entry.run and store.has("runs", entry.run):
        with contextlib.suppress(StoreError):
            run = store.run(entry.run)
    grade = read_grade(store, judged.grade) if judged.grade else None
    return _Case(entry, judged, read_attempt(store, judged.attempt), grade, run)


def _row(key: tuple[str, str, str], cases: Sequence[_Case]) -> Row:
    organisms = _units(case for case in cases if not case.null)
    nulls = _units(case for case in cases if case.null)
    graded = [grades for unit in organisms if (grades := [c.grade for c in unit if c.grade])]
    manifests = [case.run.manifest for case in cases if case.run]
    outcomes = Counter(case.attempt.outcome.value for case in cases)
    outcomes["not graded"] += sum(case.grade is None for case in cases)
    return Row(
        method=key[0],
        investigator=key[1],
        grader=key[2],
        top1=share(sum(all(g.score == 1 for g in grades) for grades in graded), len(graded)),
        chance=_mean([fmean(g.chance for g in grades) for grades in graded]) or 0,
        reciprocal_rank=_part("reciprocal_rank", graded),
        reciprocal_rank_chance=_part("reciprocal_rank_chance", graded) or 0,
        detected=share(sum(all(map(_called, unit)) for unit in organisms), len(organisms)),
        false_alarms=share(sum(any(map(_called, unit)) for unit in nulls), len(nulls)),
        calibration=_calibration(cases),
        outcomes=", ".join(f"{count} {name}" for name, count in sorted(outcomes.items()) if count),
        seconds=_mean([manifest.seconds for manifest in manifests]) or 0,
        peak_bytes=max((manifest.peak_bytes for manifest in manifests), default=0),
    )


def _units(cases: Iterable[_Case]) -> list[list[_Case]]:
    """What counts once: an organism on a base. Its seeds and variants are no further evidence."""
    units: dict[tuple[str, str], list[_Case]] = {}
    for case in cases:
        units.setdefault((case.entry.organism, case.entry.base), []).append(case)
    return list(units.values())


def _called(case: _Case) -> bool:
    verdict = case.attempt.verdict
    return verdict is not None and verdict.change == "targeted"


def _part(name: str, graded: Sequence[Sequence[Grade]]) -> float | None:
    """Mean over units of the mean of one part of their grades."""
    found = [[g.parts[name] for g in grades if name in g.parts] for grades in graded]
    return _mean([fmean(values) for values in found if values])


def _mean(values: Sequence[float]) -> float | None:
    return fmean(values) if values else None


def share(hits: int, n: int) -> Share:
    """A share with its 95 % Wilson interval."""
    interval = wilson(hits, n)
    return Share(
        hits=hits,
        n=n,
        low=interval.low if interval else None,
        high=interval.high if interval else None,
    )


def _calibration(cases: Sequence[_Case]) -> str:
    tests = [case.attempt.verdict.detection for case in cases if case.attempt.verdict]
    known = [test for test in tests if test is not None]
    if not known:
        return "not tested"
    rungs = ", ".join(f"{name} {count}" for name, count in sorted(known[0].rungs.items()))
    untestable = sum(not test.testable for test in known)
    if not untestable:
        return rungs
    some = "" if untestable == len(known) else f" for {untestable} of {len(known)}"
    return f"untestable at {known[0].alpha:g}{some} ({rungs or 'no nulls'})"


def _label(entry: Entry, *, several_bases: bool) -> str:
    variant = "" if entry.variant == "default" else f" / {entry.variant}"
    return f"{entry.organism}{variant}{f' on {entry.base}' if several_bases else ''}"


def _pair(case: _Case, *, several_bases: bool) -> PairResult:
    verdict = case.attempt.verdict
    detection = verdict.detection if verdict else None
    return PairResult(
        organism=case.entry.organism,
        label=_label(case.entry, several_bases=several_bases),
        family=case.entry.family,
        truth=case.entry.truth,
        method=case.entry.method,
        investigator=case.judged.investigator,
        grader=case.judged.grader,
        seed=case.entry.seed,
        change_score=case.run.manifest.change_score if case.run else None,
        p=detection.p if detection else None,
        said=verdict.change if verdict else case.attempt.outcome.value,
        rank=case.grade.parts.get("rank") if case.grade else None,
        score=case.grade.score if case.grade else None,
        run=case.entry.run,
    )


def _notes(evaluation: Evaluation, cases: Sequence[_Case]) -> tuple[str, ...]:
    notes = [*_failures(evaluation), *_ungraded(cases)]
    gone = {case.entry.run for case in cases if case.run is None and not case.entry.error}
    if gone:
        notes.append(f"{len(gone)} runs were removed since; their scores and costs are left out.")
    organisms = {case.entry.organism for case in cases if not case.null}
    if 0 < len(organisms) < 10:
        few = f"Only {len(organisms)} organism{'s' if len(organisms) > 1 else ''}"
        notes.append(f"{few}: the intervals say how little that can tell apart.")
    if evaluation.calibration:
        rungs = ", ".join(evaluation.calibration)
        notes.append(
            f"Detection is calibrated on these nulls only: {rungs}. A method may still take "
            "ordinary finetuning for a targeted one."
        )
    return tuple(notes)


def _failures(evaluation: Evaluation) -> Iterator[str]:
    """One line a method, however many of its runs failed."""
    for method in dict.fromkeys(entry.method for entry in evaluation.entries):
        entries = [entry for entry in evaluation.entries if entry.method == method]
        failed = [entry for entry in entries if entry.error]
        if failed:
            first = f"on {failed[0].organism}: {failed[0].error}"
            count = f"{len(failed)} of {len(entries)} runs"
            yield f"{method}: {count} failed and count as no evidence, such as {first}"


def _ungraded(cases: Sequence[_Case]) -> Iterator[str]:
    """One line a grader."""
    failed = [case for case in cases if case.grade is None]
    for grader in dict.fromkeys(case.judged.grader for case in failed):
        own = [case for case in failed if case.judged.grader == grader]
        first = f"on {own[0].entry.organism} × {own[0].entry.method}: {own[0].judged.error}"
        yield f"{grader}: {len(own)} attempts are not graded, such as {first}"
