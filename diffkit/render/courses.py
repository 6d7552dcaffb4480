"""Budget curves as a series, which is drawn as those of methods are."""

from collections.abc import Sequence

from diffkit.evaluation.row import Row
from diffkit.findings import Line, Series
from diffkit.render import terms

_STYLES = 6
"""Lines that a drawing can tell apart."""


def courses(rows: Sequence[Row]) -> Series | None:
    """Mean score by questions, a line for each of ``rows`` that has a curve; none where none has.

    Controls are left out where there are more lines than a drawing can tell apart.
    """
    curved = [row for row in rows if row.curve]
    if len(curved) > _STYLES:
        curved = [row for row in curved if terms.subject(row)]
    if not curved:
        return None
    return Series(
        title="Score by questions asked",
        x_label="questions",
        y_label="mean score",
        lines=tuple(_line(row) for row in curved),
    )


def _line(row: Row) -> Line:
    points = row.curve.points if row.curve else {}
    scores = tuple(point.score for point in points.values())
    return Line(name=terms.line(row), x=tuple(map(float, points)), y=scores)
