"""Scores over units: parts of grades, their chance level and p-value, and budget curves."""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

from diffkit.evaluation.leaderboard.cases import GradedCase, Unit
from diffkit.evaluation.leaderboard.schema import BudgetCurve, CurvePoint, Measure
from diffkit.grader import Grade
from diffkit.statistics import Share, cluster_interval, matching_p, share

_COLUMN_PARTS = {
    "choices",
    "rank",
    "top1",
    "reciprocal_rank",
    "named",
    "named_reciprocal_rank",
    "named_by_examples",
    "none_of_these",
}
"""Parts with an own column, parts that only groups use, and parts that describe the lineup."""


def mean_part(units: Sequence[Unit], part: str, *, is_share: bool = True) -> Measure | None:
    """Mean of a part of the grades over ``units``; none where no grade has the part.

    Args:
        units: units of organisms.
        part: name of the part; ``top1`` is the score of graders that have no parts.
        is_share: whether the part counts hits, so that it has an interval.
    """
    graded = [grades for unit in units if (grades := _grades_with(unit, part))]
    if not graded:
        return None
    values = [fmean(_part(grade, part) for grade in grades) for grades in graded]
    counted = (
        share_of_units(values) if is_share else Share(hits=round(sum(values), 9), n=len(values))
    )
    return Measure(
        **counted.model_dump(),
        chance=_chance(graded, part),
        p=_p(units, part),
    )


def mean_other_parts(units: Sequence[Unit]) -> dict[str, Measure]:
    """Means of the parts without an own column, such as recall, by name."""
    grades = [case.grade for unit in units for case in unit.cases if case.grade]
    names = sorted({name for grade in grades for name in grade.parts} - _COLUMN_PARTS)
    means = {
        name: mean_part(units, name, is_share=False) for name in names if not _is_chance_part(name)
    }
    return {name: mean for name, mean in means.items() if mean}


def _is_chance_part(part: str) -> bool:
    return part.endswith("_chance")


def share_of_units(values: Sequence[float]) -> Share:
    """The share of hits over units with these values between 0 and 1."""
    hits = round(sum(values), 9)  # so that three thirds are 1
    return share(int(hits) if hits == int(hits) else hits, len(values))


def unit_part(unit: Unit, part: str) -> float | None:
    """Mean of a part over the graded cases of a unit; none where no grade has the part."""
    grades = _grades_with(unit, part)
    return fmean(_part(grade, part) for grade in grades) if grades else None


def _grades_with(unit: Unit, part: str) -> list[Grade]:
    grades = [case.grade for case in unit.cases if case.grade]
    return [grade for grade in grades if part in grade.parts or part == "top1"]


def _part(grade: Grade, part: str) -> float:
    return grade.parts.get(part, grade.score)


def _chance(graded: Sequence[Sequence[Grade]], part: str) -> float | None:
    """Chance level of a part, averaged over units like the part itself."""
    name = f"{part}_chance"
    found = [
        [g.parts.get(name, g.chance) for g in grades if name in g.parts or part == "top1"]
        for grades in graded
    ]
    return fmean(fmean(values) for values in found) if all(found) else None


def _p(units: Sequence[Unit], part: str) -> float | None:
    """P-value of permuting truths over units; none where a grade has no score for other truths."""
    by_base: dict[str, list[Unit]] = {}
    for unit in units:
        if any(case.grade for case in unit.cases):
            by_base.setdefault(unit.base, []).append(unit)
    blocks = [_block(members, part) for members in by_base.values()]
    known = [block for block in blocks if block is not None]
    return matching_p(known) if len(known) == len(blocks) else None


def _block(units: Sequence[Unit], part: str) -> NDArray[np.float64] | None:
    """[units, truths]: each unit's part if each truth of the same base were its own."""
    rows = []
    for unit in units:
        grades = [case.grade for case in unit.cases if case.grade]
        cases = [
            [_value(grade.if_true.get(other.name), part) for other in units] for grade in grades
        ]
        rows.append(np.array(cases, dtype=np.float64).mean(axis=0))
    block = np.array(rows)
    return None if np.isnan(block).any() else block


def _value(parts: Mapping[str, float] | None, part: str) -> float:
    return np.nan if parts is None else parts.get(part, np.nan)


def max_questions(cases: Iterable[GradedCase]) -> int:
    """The largest number of questions of an attempt, at which all compared curves end."""
    return max((case.attempt.questions for case in cases), default=0)


def budget_curve(units: Sequence[Unit], last: int) -> BudgetCurve | None:
    """Mean score by number of questions; each unit counts with the mean of its cases.

    Args:
        units: units of organisms.
        last: number of questions at which the curve ends.

    Returns:
        The curve; none where there are no interim verdicts, or no questions.
    """
    graded = [
        (unit.name, [_trajectory(c, c.grade) for c in unit.cases if c.grade]) for unit in units
    ]
    known = [(truth, trajectories) for truth, trajectories in graded if trajectories]
    every = [one for _, trajectories in known for one in trajectories]
    asked = any(one.questions[-1] for one in every)
    if not asked or not any(one.has_interim_verdicts for one in every):
        return None
    grid = sorted({0, last}.union(*(one.questions for one in every)))
    scores = np.array(
        [np.mean([[one.at(q) for q in grid] for one in members], axis=0) for _, members in known]
    )
    truths = [truth for truth, _ in known]
    means = scores.mean(axis=0)
    area = sum(mean * (b - a) for mean, (a, b) in zip(means, pairwise(grid), strict=False)) / last
    points = {q: _curve_point(scores[:, i], truths) for i, q in enumerate(grid)}
    return BudgetCurve(points=points, area=float(area))


def _curve_point(scores: NDArray[np.float64], truths: Sequence[str]) -> CurvePoint:
    interval = cluster_interval(scores, truths)
    return CurvePoint(
        score=float(scores.mean()),
        low=interval.low if interval else None,
        high=interval.high if interval else None,
    )


@dataclass(frozen=True)
class _ScoreTrajectory:
    """Scores of one graded attempt by number of questions."""

    has_interim_verdicts: bool
    questions: tuple[int, ...]
    """Numbers of questions at which the score changes, in order."""
    scores: tuple[float, ...]
    before: float
    """Score before the first step."""

    def at(self, questions: int) -> float:
        """Score of the last verdict up to this number of questions."""
        index = bisect_right(self.questions, questions)
        return self.scores[index - 1] if index else self.before


def _trajectory(case: GradedCase, grade: Grade) -> _ScoreTrajectory:
    steps = {step.questions: step.score for step in case.ref.curve}
    steps[case.attempt.questions] = grade.score  # replaces an interim verdict at that number
    questions = tuple(sorted(steps))
    scores = tuple(steps[each] for each in questions)
    return _ScoreTrajectory(bool(case.ref.curve), questions, scores, grade.chance)
