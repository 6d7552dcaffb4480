import pytest

from diffkit.evaluation.leaderboard import BudgetCurve, CurvePoint
from diffkit.render.budget_curves import budget_curve_series, resample

CURVE = BudgetCurve(
    points={q: CurvePoint(score=s) for q, s in ((0, 0.1), (3, 0.5), (4, 0.9))}, area=0.3
)


@pytest.fixture
def row(leaderboard):
    return leaderboard.rows[0].model_copy(update={"curve": CURVE})


def test_a_curve_is_drawn_in_steps(row, leaderboard):
    series = budget_curve_series({"kl": row, "without": leaderboard.rows[0]})
    (line,) = series.lines
    assert line.name == "kl"
    assert line.x == (0, 3, 3, 4, 4)
    assert line.y == (0.1, 0.1, 0.5, 0.5, 0.9)


def test_no_curves_are_no_series(leaderboard):
    assert budget_curve_series({"kl": leaderboard.rows[0]}) is None
    assert budget_curve_series({}) is None


def test_controls_are_left_out_where_there_are_more_lines_than_styles(row):
    control = row.model_copy(update={"arm": "evidence-swap"})
    few = {f"m{i}": row for i in range(4)} | {f"c{i}": control for i in range(2)}
    many = few | {"c2": control}
    assert len(budget_curve_series(few).lines) == 6
    assert [line.name for line in budget_curve_series(many).lines] == ["m0", "m1", "m2", "m3"]


def test_a_sparkline_is_even_in_questions():
    assert resample(CURVE, 5) == [0.1, 0.1, 0.1, 0.5, 0.9]
