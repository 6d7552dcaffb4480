import math
from itertools import repeat

import pytest

from diffkit import UserError, drift, matching_scale
from diffkit.engine.matching import CLOSE


@pytest.mark.parametrize("power", [2, 5])
@pytest.mark.parametrize("start", [0.1, 1.0, 20.0])
def test_it_finds_where_a_power_is_what_is_wanted(power, start):
    found = matching_scale(lambda scale: 3 * scale**power, 48.0, start=start)
    assert abs(power * math.log(found) - math.log(16)) <= CLOSE


def test_the_control_of_a_pair_drifts_as_far_as_the_pair(tiny_pair, tiny_texts):
    def drift_at(scale):
        with tiny_pair.control(3, scale) as control:
            return drift(control, tiny_texts)

    wanted = drift(tiny_pair, tiny_texts)
    assert abs(math.log(drift_at(matching_scale(drift_at, wanted)) / wanted)) <= CLOSE


@pytest.mark.parametrize("wanted", [0.0, -1e-9])
def test_where_nothing_is_wanted_nothing_is_tried(wanted):
    assert matching_scale(pytest.fail, wanted) == 0.0


def test_a_drift_that_is_no_number_is_told():
    with pytest.raises(UserError, match="at 2 times the norms drifts by nan"):
        matching_scale(lambda _: math.nan, 1.0, start=2.0)


def test_a_change_that_shows_nowhere_is_made_larger():
    drifts = iter([0.0, 1e-3])
    assert matching_scale(lambda _: next(drifts), 1e-3) > 1


def test_it_ends_where_nothing_helps():
    tried = repeat(1e-9, 3)
    assert math.isfinite(matching_scale(lambda _: next(tried), 1.0, rounds=3))
