"""Budget curves: what guesses were worth by the number of questions asked."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from diffkit.evaluation.graded import Graded, Unit
from diffkit.evaluation.quantities import BudgetCurve, CurvePoint
from diffkit.grader import Grade
from diffkit.statistics import cluster_interval


def most_questions(cases: Iterable[Graded]) -> int:
    """The most that any attempt asked: where curves that are compared end."""
    return max((case.attempt.questions for case in cases), default=0)


def budget_curve(units: Sequence[Unit], last: int) -> BudgetCurve | None:
    """The curve over ``units``, each counted with the mean of its cases.

    Args:
        units: organisms' units.
        last: questions at which the curve ends.

    Returns:
        The curve; none where nobody guessed on the way, or nobody asked.
    """
    graded = [(unit.name, [_course(c, c.grade) for c in unit.cases if c.grade]) for unit in units]
    known = [(truth, courses) for truth, courses in graded if courses]
    every = [course for _, courses in known for course in courses]
    asked = any(course.questions[-1] for course in every)
    if not asked or not any(course.guessed for course in every):
        return None
    grid = sorted({0, last}.union(*(course.questions for course in every)))
    scores = np.array(
        [np.mean([[one.at(q) for q in grid] for one in courses], axis=0) for _, courses in known]
    )
    truths = [truth for truth, _ in known]
    means = scores.mean(axis=0)
    area = sum(mean * (b - a) for mean, (a, b) in zip(means, pairwise(grid), strict=False)) / last
    points = {q: _point(scores[:, place], truths) for place, q in enumerate(grid)}
    return BudgetCurve(points=points, area=float(area))


def _point(scores: NDArray[np.float64], truths: Sequence[str]) -> CurvePoint:
    interval = cluster_interval(scores, truths)
    return CurvePoint(
        score=float(scores.mean()),
        low=interval.low if interval else None,
        high=interval.high if interval else None,
    )


@dataclass(frozen=True)
class _Course:
    """The steps of one graded attempt."""

    guessed: bool
    """Whether it noted guesses on the way."""
    questions: tuple[int, ...]
    """Where the steps are, in order."""
    scores: tuple[float, ...]
    before: float
    """Score before the first step."""

    def at(self, questions: int) -> float:
        """Score of the last guess by then."""
        place = bisect_right(self.questions, questions)
        return self.scores[place - 1] if place else self.before


def _course(case: Graded, grade: Grade) -> _Course:
    steps = {step.questions: step.score for step in case.judged.curve}
    steps[case.attempt.questions] = grade.score  # the verdict has the last word
    questions = tuple(sorted(steps))
    scores = tuple(steps[each] for each in questions)
    return _Course(bool(case.judged.curve), questions, scores, grade.chance)
