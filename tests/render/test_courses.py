import pytest

from diffkit.evaluation.quantities import BudgetCurve, CurvePoint
from diffkit.render.courses import courses, evenly

CURVE = BudgetCurve(
    points={q: CurvePoint(score=s) for q, s in ((0, 0.1), (3, 0.5), (4, 0.9))}, area=0.3
)


@pytest.fixture
def row(leaderboard):
    return leaderboard.rows[0].model_copy(update={"curve": CURVE})


def test_a_curve_is_drawn_in_steps(row, leaderboard):
    series = courses({"kl": row, "without": leaderboard.rows[0]})
    (line,) = series.lines
    assert line.name == "kl"
    assert line.x == (0, 3, 3, 4, 4)
    assert line.y == (0.1, 0.1, 0.5, 0.5, 0.9)


def test_no_curves_are_no_series(leaderboard):
    assert courses({"kl": leaderboard.rows[0]}) is None
    assert courses({}) is None


def test_controls_are_left_out_where_there_are_more_lines_than_styles(row):
    control = row.model_copy(update={"arm": "evidence-swap"})
    few = {f"m{i}": row for i in range(4)} | {f"c{i}": control for i in range(2)}
    many = few | {"c2": control}
    assert len(courses(few).lines) == 6
    assert [line.name for line in courses(many).lines] == ["m0", "m1", "m2", "m3"]


def test_a_sparkline_is_even_in_questions():
    assert evenly(CURVE, 5) == [0.1, 0.1, 0.1, 0.5, 0.9]
