"""When a curve still falls, and what that decides."""

import pytest
import torch
from diffkit_plugins.reachability_study.outcomes import (
    count_curve_shapes,
    fall_in_last_tenth,
    kept_points,
    still_falls,
)


@pytest.mark.parametrize("steps", [10, 200, 201, 2_000, 5_000])
def test_curves_keep_their_first_and_last_points_and_not_many(steps):
    points = kept_points(steps)
    assert points[0] == 0
    assert points[-1] == steps
    assert len(points) == min(steps + 1, 201)
    assert (points.diff() > 0).all()


def test_the_last_tenth_is_measured_in_decades():
    decades = torch.linspace(0, 4, 101)
    assert float(fall_in_last_tenth(10**-decades)) == pytest.approx(0.4)
    assert float(fall_in_last_tenth(10**decades)) == pytest.approx(-0.4)
    assert float(fall_in_last_tenth(torch.zeros(101))) == 0


def test_the_median_decides_whether_curves_still_fall(outcome):
    assert still_falls(outcome("real", "1", [0.1] * 3, last_tenth=0.05), falling=0.02)
    assert not still_falls(outcome("real", "1", [0.1] * 3, last_tenth=0.01), falling=0.02)
    assert not still_falls(outcome("real", "1", [0.1] * 3, last_tenth=0.05), falling=0.06)


def test_curves_are_converged_falling_or_on_a_plateau(outcome):
    flat, falling = (outcome("real", "1", [1e-4, 0.5, 0.5], last_tenth=slope) for slope in (0, 0.1))
    assert list(count_curve_shapes(flat, 0.02).values()) == [1, 0, 2]
    assert list(count_curve_shapes(falling, 0.02).values()) == [1, 2, 0]
