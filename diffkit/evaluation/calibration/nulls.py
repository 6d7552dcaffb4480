"""The scores of calibration nulls, and tests of attempts against them."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from diffkit.case import JointNullScores, NullScores
from diffkit.evaluation.planned_runs import AttemptId, AttemptsById, PlannedRun, RunConditions
from diffkit.verdict import Attempt, Detection, NullTest

ScoresByRun = Mapping[str, float | None]
"""Change scores by digest of the run; none where the run failed or has no score."""


@dataclass(frozen=True)
class CalibrationScores:
    """The change scores of the nulls under one set of conditions."""

    by_null_type: Mapping[str, ScoresByRun] = field(default_factory=dict)
    pairs: Mapping[str, str] = field(default_factory=dict)
    """Digest of the run → name of the null, which is the same for all methods."""

    def others(self, digest: str, *, equal_counts: bool = False) -> tuple[NullScores, ...]:
        """The scores of all nulls but the run ``digest``; empty for a null type that failed.

        A null is compared with the other nulls, a pair under test with all of them.

        Args:
            digest: the run that is compared with the nulls.
            equal_counts: whether a null is left out of each null type that the run is not of,
                drawn by ``digest``, so that nulls and pairs under test are compared with equally
                many.
        """
        return tuple(
            NullScores(rung=null_type, scores=_scores_without(scores, digest, equal_counts))
            for null_type, scores in sorted(self.by_null_type.items())
        )

    def by_pair(self, null_type: str) -> dict[str, float | None]:
        """The scores of one type's nulls by name of the null."""
        scores = self.by_null_type.get(null_type, {})
        return {self.pairs.get(digest, digest): score for digest, score in scores.items()}


def joint_null_scores(
    by_method: Sequence[CalibrationScores], digests: Sequence[str]
) -> tuple[JointNullScores, ...]:
    """The scores of all nulls by several methods, without the nulls that are compared themselves.

    Args:
        by_method: the scores by each method.
        digests: of the pair's run by each method.
    """
    own = {one.pairs.get(digest) for one, digest in zip(by_method, digests, strict=True)}
    found = []
    for null_type in sorted({name for one in by_method for name in one.by_null_type}):
        columns = [one.by_pair(null_type) for one in by_method]
        names = {name for column in columns for name in column} - own
        rows = (tuple(column.get(name) for column in columns) for name in names)
        found.append(JointNullScores(rung=null_type, scores=tuple(sorted(rows, key=_by_scores))))
    return tuple(found)


def _by_scores(row: Sequence[float | None]) -> list[tuple[bool, float]]:
    return [(score is not None, score or 0.0) for score in row]


def _scores_without(scores: ScoresByRun, digest: str, equal_counts: bool) -> tuple[float, ...]:
    left_out = digest
    if equal_counts and scores and digest not in scores:
        left_out = sorted(scores)[_draw(digest) % len(scores)]
    return tuple(sorted(s for run, s in scores.items() if s is not None and run != left_out))


def _draw(digest: str) -> int:
    return int.from_bytes(hashlib.sha256(digest.encode()).digest()[:4], "big")


def calibration_scores(
    planned_runs: Sequence[PlannedRun],
) -> dict[RunConditions, CalibrationScores]:
    """The scores of the calibration nulls among ``planned_runs``, by conditions."""
    found: dict[RunConditions, dict[str, dict[str, float | None]]] = {}
    pairs: dict[RunConditions, dict[str, str]] = {}
    for planned in planned_runs:
        if planned.pair.role == "calibration":
            by_null_type = found.setdefault(planned.conditions, {})
            scores = by_null_type.setdefault(planned.pair.null_type, {})
            digest = planned.digest or f"failed {planned.pair.null_type} {len(scores)}"
            scores[digest] = planned.change_score
            selected = planned.pair.selected
            name = f"{selected.organism.name} {selected.variant}"
            pairs.setdefault(planned.conditions, {})[digest] = name
    return {key: CalibrationScores(scores, pairs[key]) for key, scores in found.items()}


@dataclass(frozen=True)
class DetectionTest:
    """Tests attempts at pairs against the attempts at calibration nulls."""

    attempts: AttemptsById
    nulls: Mapping[RunConditions, Sequence[PlannedRun]]
    """Calibration nulls by conditions."""
    alpha: float

    def test(self, planned: PlannedRun, attempt_id: AttemptId) -> Detection | None:
        """The detection test of one attempt: the investigator's own, or one of ``p_targeted``.

        ``p_targeted`` is compared with the values of the same investigator, arm and repeat for each
        null type. An attempt without ``p_targeted`` has no test.
        """
        verdict = self.attempts[attempt_id].verdict
        if verdict is None:
            return None
        if verdict.detection or verdict.p_targeted is None:
            return verdict.detection
        tests = {
            null_type: NullTest.of(verdict.p_targeted, values)
            for null_type, values in self._null_values(planned, attempt_id).items()
        }
        return Detection.of(tests, self.alpha)

    def _null_values(self, planned: PlannedRun, attempt_id: AttemptId) -> dict[str, list[float]]:
        """``p_targeted`` of the nulls, by null type."""
        found: dict[str, list[float]] = {}
        for null in self.nulls.get(planned.conditions, ()):
            values = found.setdefault(null.pair.null_type, [])
            attempt = self.attempts.get(attempt_id._replace(run_id=null.run_id))
            if (p := _p_targeted(attempt)) is not None:
                values.append(p)
        return found


def _p_targeted(attempt: Attempt | None) -> float | None:
    verdict = attempt.verdict if attempt else None
    return verdict.p_targeted if verdict else None
