"""Tests what investigators say of a pair against what they say of calibration nulls."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from diffkit.evaluation.cells import Cell, Conditions
from diffkit.evaluation.interview import Place, Said
from diffkit.statistics import conformal_p
from diffkit.verdict import Attempt, Detection, RungTest


@dataclass(frozen=True)
class Calibration:
    """What investigators said of the calibration nulls."""

    said: Said
    nulls: Mapping[Conditions, Sequence[Cell]]
    """Calibration nulls by conditions."""
    alpha: float

    def test(self, cell: Cell, place: Place) -> Detection | None:
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
            rung: _tested(attempt.verdict.p_targeted, scores)
            for rung, scores in self._scores(cell, place).items()
        }
        known = [rung.p for rung in rungs.values() if rung.p is not None]
        return Detection(p=max(known, default=None), alpha=self.alpha, rungs=rungs)

    def _scores(self, cell: Cell, place: Place) -> dict[str, list[float]]:
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


def _tested(score: float, nulls: Sequence[float]) -> RungTest:
    return RungTest(n=len(nulls), p=conformal_p(score, nulls) if nulls else None)
