"""Intervals and p-values against second implementations and brute force."""

from itertools import permutations

import pytest
from scipy.stats import binomtest

from diffkit.statistics import conformal_p, wilson


@pytest.mark.parametrize("level", [0.8, 0.95, 0.99])
@pytest.mark.parametrize("n", [1, 2, 7, 20, 1000])
def test_wilson_is_scipys(n, level):
    for hits in {0, 1, n // 3, n - 1, n}:
        ours = wilson(hits, n, level)
        theirs = binomtest(hits, n).proportion_ci(level, method="wilson")
        assert ours.low == pytest.approx(theirs.low, abs=1e-12)
        assert ours.high == pytest.approx(theirs.high, abs=1e-12)


def test_wilson_solves_its_equation():
    """Both ends are where the score test is just significant (Wilson 1927)."""
    z, hits, n = 1.959963984540054, 3, 10
    for end in (wilson(hits, n).low, wilson(hits, n).high):
        assert abs(hits / n - end) == pytest.approx(z * (end * (1 - end) / n) ** 0.5)


def test_wilson_ends_exactly_and_is_none_of_nothing():
    assert wilson(0, 5).low == 0
    assert wilson(5, 5).high == 1
    assert wilson(0, 0) is None


def test_p_counts_the_nulls_at_least_as_high():
    assert conformal_p(3.0, [1.0, 2.0, 3.0, 4.0]) == 3 / 5
    assert conformal_p(9.0, [1.0] * 19) == 0.05
    assert conformal_p(0.0, []) == 1


@pytest.mark.parametrize("scores", [(1.0, 2.0, 3.0, 4.0, 5.0, 6.0), (1.0, 1.0, 2.0, 3.0, 3.0, 3.0)])
def test_p_is_valid_over_all_orders(scores):
    """Whichever of exchangeable scores is the tested one, P(p ≤ a) ≤ a; without ties, =."""
    ps = [conformal_p(order[0], order[1:]) for order in permutations(scores)]
    for k in range(1, 7):
        share = sum(p <= k / 6 for p in ps) / len(ps)
        assert share <= k / 6 + 1e-12
        if len(set(scores)) == 6:
            assert share == pytest.approx(k / 6)


def test_wilson_takes_trials_that_count_in_part():
    """Its equation holds for any share, and it lies between its neighbours."""
    z, hits, n = 1.959963984540054, 2.75, 10
    half = wilson(hits, n)
    for end in (half.low, half.high):
        assert abs(hits / n - end) == pytest.approx(z * (end * (1 - end) / n) ** 0.5)
    assert wilson(2, n).low < half.low < wilson(3, n).low
