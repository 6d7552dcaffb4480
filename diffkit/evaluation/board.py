"""Makes a leaderboard of an evaluation and the records it points to."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

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
    grade: Grade
    run: StoredRun | None

    @property
    def null(self) -> bool:
        return self.entry.truth != "targeted"

    @property
    def called_targeted(self) -> bool:
        verdict = self.attempt.verdict
        return verdict is not None and verdict.change == "targeted"


def build(evaluation: Evaluation, store: Store) -> Leaderboard:
    """The leaderboard of ``evaluation``: rows by top-1, then by reciprocal rank."""
    cases = [_read(entry, judged, store) for entry in evaluation.entries for judged in entry.judged]
    groups: dict[tuple[str, str, str], list[_Case]] = {}
    for case in cases:
        key = (case.entry.method, case.judged.investigator, case.judged.grader)
        groups.setdefault(key, []).append(case)
    rows = [_row(key, group) for key, group in groups.items()]
    rows.sort(key=lambda row: (-(row.top1.value or 0), -(row.reciprocal_rank or 0), row.method))
    return Leaderboard(
        suite=evaluation.name,
        rows=tuple(rows),
        pairs=tuple(_pair(case) for case in cases),
        notes=_notes(evaluation, cases),
    )


def _read(entry: Entry, judged: Judged, store: Store) -> _Case:
    run = store.run(entry.run) if entry.run and store.has("runs", entry.run) else None
    attempt = read_attempt(store, judged.attempt)
    return _Case(entry, judged, attempt, read_grade(store, judged.grade), run)


def _row(key: tuple[str, str, str], cases: Sequence[_Case]) -> Row:
    organisms = [case for case in cases if not case.null]
    nulls = [case for case in cases if case.null]
    manifests = [case.run.manifest for case in cases if case.run]
    ranks = [case.grade.parts["reciprocal_rank"] for case in organisms if _ranked(case)]
    guesses = [case.grade.parts["reciprocal_rank_chance"] for case in organisms if _ranked(case)]
    outcomes = Counter(case.attempt.outcome.value for case in cases)
    return Row(
        method=key[0],
        investigator=key[1],
        grader=key[2],
        top1=share(sum(case.grade.score == 1 for case in organisms), len(organisms)),
        chance=fmean(case.grade.chance for case in organisms) if organisms else 0,
        reciprocal_rank=fmean(ranks) if ranks else None,
        reciprocal_rank_chance=fmean(guesses) if guesses else 0,
        detected=share(sum(case.called_targeted for case in organisms), len(organisms)),
        false_alarms=share(sum(case.called_targeted for case in nulls), len(nulls)),
        calibration=_calibration(cases),
        outcomes=", ".join(f"{count} {name}" for name, count in sorted(outcomes.items())),
        seconds=fmean(manifest.seconds for manifest in manifests) if manifests else 0,
        peak_bytes=max((manifest.peak_bytes for manifest in manifests), default=0),
    )


def _ranked(case: _Case) -> bool:
    return "reciprocal_rank" in case.grade.parts


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
    tests = [c.attempt.verdict.detection for c in cases if c.attempt.verdict]
    known = [test for test in tests if test is not None]
    if not known:
        return "not tested"
    rungs = ", ".join(f"{name} {count}" for name, count in sorted(known[0].rungs.items()))
    if any(test.testable for test in known):
        return rungs
    return f"untestable at {known[0].alpha:g} ({rungs or 'no nulls'})"


def _pair(case: _Case) -> PairResult:
    verdict = case.attempt.verdict
    detection = verdict.detection if verdict else None
    return PairResult(
        organism=case.entry.organism,
        family=case.entry.family,
        truth=case.entry.truth,
        method=case.entry.method,
        investigator=case.judged.investigator,
        grader=case.judged.grader,
        seed=case.entry.seed,
        change_score=case.run.findings.change_score if case.run else None,
        p=detection.p if detection else None,
        said=verdict.change if verdict else case.attempt.outcome.value,
        rank=case.grade.parts.get("rank"),
        score=case.grade.score,
        run=case.entry.run,
    )


def _notes(evaluation: Evaluation, cases: Sequence[_Case]) -> tuple[str, ...]:
    notes = [f"{e.organism} × {e.method}: {e.error}" for e in evaluation.entries if e.error]
    organisms = {case.entry.organism for case in cases if not case.null}
    if 0 < len(organisms) < 10:
        few = f"Only {len(organisms)} organisms: the intervals say how little that can tell apart."
        notes.append(few)
    if evaluation.calibration:
        rungs = ", ".join(evaluation.calibration)
        notes.append(
            f"Detection is calibrated on these nulls only: {rungs}. A method may still take "
            "ordinary finetuning for a targeted one."
        )
    return tuple(notes)
