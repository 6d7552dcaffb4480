"""The power of McNemar's test against simulation, enumeration and published figures."""

from itertools import product
from math import comb

import numpy as np
import pytest

from diffkit.statistics import mcnemar_p, mcnemar_power, truths_needed


@pytest.mark.parametrize(("one", "other", "truths"), [(0.6, 0.4, 40), (0.9, 0.5, 12)])
def test_it_is_how_often_the_test_rejects(one, other, truths):
    random = np.random.default_rng(1)
    draws = 1500
    ps = [
        mcnemar_p(*((random.random(truths) < share).tolist() for share in (one, other)))
        for _ in range(draws)
    ]
    simulated = np.mean(np.array(ps) <= 0.05)
    exact = mcnemar_power(one, other, truths)
    assert exact == pytest.approx(simulated, abs=4 * (exact * (1 - exact) / draws) ** 0.5)


def test_it_is_the_sum_over_every_table():
    one, other, truths = 0.8, 0.3, 9
    ahead, behind = one * (1 - other), other * (1 - one)
    total = 0.0
    for first, second in product(range(truths + 1), repeat=2):
        if first + second <= truths:
            ways = comb(truths, first) * comb(truths - first, second)
            rest = (1 - ahead - behind) ** (truths - first - second)
            hits = [True] * first + [False] * second, [False] * first + [True] * second
            p = mcnemar_p(*hits)
            rejects = p is not None and p <= 0.05
            total += ways * ahead**first * behind**second * rest * rejects
    assert mcnemar_power(one, other, truths) == pytest.approx(total)


def test_five_truths_tell_nobody_apart():
    assert mcnemar_power(1.0, 0.0, 5) == 0
    assert mcnemar_power(1.0, 0.0, 6) == pytest.approx(1)


def test_equals_are_told_apart_no_more_often_than_the_level_says():
    assert mcnemar_power(0.5, 0.5, 60) <= 0.05
    assert mcnemar_power(1.0, 1.0, 60) == 0


def test_the_fewest_are_enough_and_so_are_all_more():
    needed = truths_needed(0.7, 0.4)
    assert mcnemar_power(0.7, 0.4, needed - 1) < 0.8
    assert all(mcnemar_power(0.7, 0.4, n) >= 0.8 for n in range(needed, needed + 30))
    assert truths_needed(1.0, 0.0) == 6
    assert truths_needed(0.4, 0.7) == needed


def test_what_cannot_be_told_apart_needs_more_than_anyone_has():
    assert truths_needed(0.5, 0.5) is None
