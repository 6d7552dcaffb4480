"""McNemar's exact test against its closed form and enumeration."""

from itertools import product
from math import comb

import pytest

from diffkit.statistics import mcnemar_p


def table(both, first, second, neither):
    """Hits of each reader, from the four cells."""
    one = [True] * (both + first) + [False] * (second + neither)
    other = [True] * both + [False] * first + [True] * second + [False] * neither
    return one, other


@pytest.mark.parametrize("cells", [(3, 8, 1, 2), (0, 1, 9, 0), (5, 4, 4, 1), (2, 0, 6, 9)])
def test_it_is_twice_the_smaller_tail_of_a_fair_coin(cells):
    _, first, second, _ = cells
    tail = sum(comb(first + second, k) for k in range(min(first, second) + 1))
    closed = min(1, 2 * tail / 2 ** (first + second))
    assert mcnemar_p(*table(*cells)) == pytest.approx(closed)


def test_it_is_the_share_of_swaps_that_differ_as_much():
    """Exchange the readers within each pair, in every way."""
    one, other = table(2, 5, 1, 1)
    observed = abs(sum(one) - sum(other))
    pairs = list(zip(one, other, strict=True))
    swaps = [
        abs(sum(a - b if keep else b - a for keep, (a, b) in zip(kept, pairs, strict=True)))
        for kept in product((True, False), repeat=len(pairs))
    ]
    assert mcnemar_p(one, other) == pytest.approx(sum(s >= observed for s in swaps) / len(swaps))


def test_readers_who_never_differ_are_told_apart_by_nothing():
    assert mcnemar_p([True, False], [True, False]) == 1
    assert mcnemar_p([], []) is None


def test_it_does_not_matter_who_is_first():
    one, other = table(1, 6, 2, 3)
    assert mcnemar_p(one, other) == mcnemar_p(other, one)


def test_what_does_not_belong_together_is_refused():
    with pytest.raises(ValueError, match="zip"):
        mcnemar_p([True], [True, False])
