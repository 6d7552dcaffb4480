"""Budget curves as a series of lines, drawn like those of methods."""

from bisect import bisect_right
from collections.abc import Mapping
from itertools import chain, pairwise

from diffkit.evaluation.leaderboard.schema import BudgetCurve, Row
from diffkit.findings import Line, Series
from diffkit.render import labels

_MAX_LINES = 6
"""Lines that a drawing can tell apart."""


def budget_curve_series(rows: Mapping[str, Row]) -> Series | None:
    """Mean score by questions, a line for each row that has a curve; none where none has.

    Controls are left out where there are more lines than a drawing can tell apart.

    Args:
        rows: the rows by the names of their lines.
    """
    curved = {name: row for name, row in rows.items() if row.curve}
    if len(curved) > _MAX_LINES:
        curved = {name: row for name, row in curved.items() if labels.subject(row)}
    if not curved:
        return None
    return Series(
        title="Score by questions asked",
        x_label="questions",
        y_label="mean score",
        lines=tuple(_line(name, row) for name, row in curved.items()),
    )


def resample(curve: BudgetCurve, count: int) -> list[float]:
    """Scores at ``count`` evenly spaced numbers of questions, from the first to the last."""
    places = list(curve.points)
    steps = (places[-1] * index / (count - 1) for index in range(count))
    return [curve.points[places[bisect_right(places, at) - 1]].score for at in steps]


def _line(name: str, row: Row) -> Line:
    """Steps: what changes, changes at a question."""
    points = list(row.curve.points.items() if row.curve else ())
    steps = [(at, before.score) for (_, before), (at, _) in pairwise(points)]
    corners = chain.from_iterable(
        ((questions, point.score), *steps[index : index + 1])
        for index, (questions, point) in enumerate(points)
    )
    xs, ys = zip(*corners, strict=True)
    return Line(name=name, x=tuple(map(float, xs)), y=tuple(ys))
