"""The scores of calibration nulls, and tests of attempts against them."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from diffkit.case import NullScores
from diffkit.evaluation.planned_runs import AttemptId, AttemptsById, PlannedRun, RunConditions
from diffkit.statistics import conformal_p
from diffkit.verdict import Attempt, Detection, NullTest


@dataclass(frozen=True)
class Nulls:
    """What the nulls scored under one set of conditions."""

    rungs: Mapping[str, Mapping[str, float | None]] = field(default_factory=dict)
    """Kind of null → digest of a run → its score; none where it failed, or says none."""

    def others(self, digest: str, *, alike: bool = False) -> tuple[NullScores, ...]:
        """The scores of all nulls but the run ``digest``; a kind whose runs all failed is empty.

        A null is held against the others, as a pair under test is against all.

        Args:
            digest: the run that is held against them.
            alike: whether of each kind that it is not of, one is left out, drawn by ``digest``: so
                it is held against as many as a null of that kind is.
        """
        return tuple(
            NullScores(rung=rung, scores=_other_scores(runs, _left_out(runs, digest, alike=alike)))
            for rung, runs in sorted(self.rungs.items())
        )


def _left_out(runs: Mapping[str, float | None], digest: str, *, alike: bool) -> str:
    """The run that is not counted."""
    if digest in runs or not alike or not runs:
        return digest
    order = sorted(runs)
    return order[int.from_bytes(hashlib.sha256(digest.encode()).digest()[:4], "big") % len(order)]


def _other_scores(runs: Mapping[str, float | None], left_out: str) -> tuple[float, ...]:
    return tuple(sorted(s for run, s in runs.items() if s is not None and run != left_out))


def calibration_scores(cells: Sequence[PlannedRun]) -> dict[RunConditions, Nulls]:
    """What the calibration nulls among ``cells`` scored, by conditions."""
    found: dict[RunConditions, dict[str, dict[str, float | None]]] = {}
    for cell in cells:
        if cell.pair.role == "calibration":
            runs = found.setdefault(cell.conditions, {}).setdefault(cell.pair.rung, {})
            runs[cell.digest or f"failed {len(runs)}"] = cell.change_score
    return {conditions: Nulls(rungs) for conditions, rungs in found.items()}


@dataclass(frozen=True)
class DetectionTest:
    """What investigators said of the calibration nulls."""

    said: AttemptsById
    nulls: Mapping[RunConditions, Sequence[PlannedRun]]
    """Calibration nulls by conditions."""
    alpha: float

    def test(self, cell: PlannedRun, place: AttemptId) -> Detection | None:
        """The test of one attempt: the investigator's own, or one of its ``p_targeted``.

        A probability is held against those that the same investigator gave, in the same arm and
        repeat, to each kind of null. An attempt without one has no test.
        """
        attempt = self.said[place]
        if attempt.verdict is None:
            return None
        if attempt.verdict.detection or attempt.verdict.p_targeted is None:
            return attempt.verdict.detection
        rungs = {
            rung: _null_test(attempt.verdict.p_targeted, scores)
            for rung, scores in self._scores(cell, place).items()
        }
        known = [rung.p for rung in rungs.values() if rung.p is not None]
        return Detection(p=max(known, default=None), alpha=self.alpha, rungs=rungs)

    def _scores(self, cell: PlannedRun, place: AttemptId) -> dict[str, list[float]]:
        found: dict[str, list[float]] = {}
        for null in self.nulls.get(cell.conditions, ()):
            scores = found.setdefault(null.pair.rung, [])
            attempt = self.said.get(place._replace(cell=null.key))
            if (p := _p_targeted(attempt)) is not None:
                scores.append(p)
        return found


def _p_targeted(attempt: Attempt | None) -> float | None:
    verdict = attempt.verdict if attempt else None
    return verdict.p_targeted if verdict else None


def _null_test(score: float, nulls: Sequence[float]) -> NullTest:
    return NullTest(n=len(nulls), p=conformal_p(score, nulls) if nulls else None)
