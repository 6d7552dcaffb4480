import math
from itertools import repeat

import pytest

from diffkit import UserError, control_scale_for_kl, mean_kl
from diffkit.engine.weight_changes.random_control import LOG_TOLERANCE


@pytest.mark.parametrize("power", [2, 5])
@pytest.mark.parametrize("start", [0.1, 1.0, 20.0])
def test_it_finds_where_a_power_is_what_is_wanted(power, start):
    found = control_scale_for_kl(lambda scale: 3 * scale**power, 48.0, start=start)
    assert abs(power * math.log(found) - math.log(16)) <= LOG_TOLERANCE


def test_the_control_of_a_pair_drifts_as_far_as_the_pair(tiny_pair, tiny_texts):
    def drift_at(scale):
        with tiny_pair.control(3, scale) as control:
            return mean_kl(control, tiny_texts)

    wanted = mean_kl(tiny_pair, tiny_texts)
    assert abs(math.log(drift_at(control_scale_for_kl(drift_at, wanted)) / wanted)) <= LOG_TOLERANCE


@pytest.mark.parametrize("wanted", [0.0, -1e-9])
def test_where_nothing_is_wanted_nothing_is_tried(wanted):
    assert control_scale_for_kl(pytest.fail, wanted) == 0.0


def test_a_drift_that_is_no_number_is_told():
    with pytest.raises(UserError, match="at 2 times the norms drifts by nan"):
        control_scale_for_kl(lambda _: math.nan, 1.0, start=2.0)


def test_a_change_that_shows_nowhere_is_made_larger():
    drifts = iter([0.0, 1e-3])
    assert control_scale_for_kl(lambda _: next(drifts), 1e-3) > 1


def test_it_ends_where_nothing_helps():
    tried = repeat(1e-9, 3)
    assert math.isfinite(control_scale_for_kl(lambda _: next(tried), 1.0, rounds=3))
