import pytest

from diffkit.findings import Line, Series
from diffkit.render.html.line_plot import line_plot


def series(x, y, *, log_x=False):
    lines = (Line(name="a", x=x, y=y),)
    return Series(title="t", x_label="step", y_label="loss", lines=lines, log_x=log_x)


def test_points_and_ticks_lie_within_the_frame():
    drawn = line_plot(series((0, 3, 24), (0.07, -2.2, 1.13)))
    for x, y in drawn.curves[0].dots:
        assert drawn.left <= x <= drawn.right
        assert drawn.top <= y <= drawn.bottom
    assert all(drawn.left <= tick.at <= drawn.right for tick in drawn.x_ticks)
    assert all(drawn.top <= tick.at <= drawn.bottom for tick in drawn.y_ticks)
    assert 3 <= len(drawn.y_ticks) <= 8


def test_higher_is_higher_up():
    (_, low), (_, high) = line_plot(series((0, 1), (1, 2))).curves[0].dots
    assert high < low


def test_a_logarithmic_axis_spaces_decades_evenly():
    drawn = line_plot(series((1, 10, 100), (1, 1, 1), log_x=True))
    first, second, third = (x for x, _ in drawn.curves[0].dots)
    assert second - first == pytest.approx(third - second, abs=0.2)
    assert [tick.label for tick in drawn.x_ticks] == ["1", "10", "100"]
    assert "logarithmic" in drawn.x_label


def test_a_logarithmic_axis_with_step_zero_is_drawn_linearly():
    drawn = line_plot(series((0, 10, 100), (1, 2, 3), log_x=True))
    assert drawn.x_label == "step"
    assert len(drawn.curves[0].dots) == 3


@pytest.mark.parametrize("log_x", [False, True])
@pytest.mark.parametrize("value", [0.0, 5.0, -5.0, 1e-12])
def test_a_single_point_is_drawn(value, log_x):
    drawn = line_plot(series((value,), (value,), log_x=log_x))
    assert len(drawn.curves[0].dots) == 1


def test_nothing_is_drawn_of_nothing():
    assert line_plot(series((), ())) is None
