"""Permutation tests against scipy, enumeration and closed forms."""

from itertools import permutations, product

import numpy as np
import pytest
from scipy.stats import permutation_test

from diffkit.statistics import holm, matching_p, sign_flip_p

NOISE = 4 * (0.25 / 9_999) ** 0.5
"""Four standard errors of a p-value from 9,999 draws."""


def enumerated(blocks):
    """The exact p-value over every permutation of every block."""

    def every(block):
        return [block[range(len(block)), order].sum() for order in permutations(range(len(block)))]

    totals = [sum(parts) for parts in product(*map(every, blocks))]
    observed = sum(np.trace(block) for block in blocks)
    return np.mean(np.array(totals) >= observed - 1e-9)


@pytest.mark.parametrize("sizes", [(2,), (5,), (3, 4), (1, 4)])
def test_it_is_the_share_of_all_permutations_within_blocks(sizes):
    random = np.random.default_rng(sum(sizes))
    blocks = [random.random((size, size)) + 0.3 * np.eye(size) for size in sizes]
    assert matching_p(blocks) == pytest.approx(enumerated(blocks), abs=NOISE)


def test_one_block_is_scipys_pairings_test():
    scores = np.random.default_rng(3).random((6, 6)) + 0.2 * np.eye(6)
    theirs = permutation_test(
        (np.arange(6),),
        lambda order: scores[np.arange(6), order].sum(),
        permutation_type="pairings",
        alternative="greater",
        n_resamples=np.inf,
    )
    assert matching_p([scores]) == pytest.approx(theirs.pvalue, abs=NOISE)


def test_an_exact_match_is_significant():
    assert matching_p([np.eye(12)]) == 1 / 10_000
    assert matching_p([np.eye(4)]) == pytest.approx(1 / 24, abs=NOISE)  # only one of 4! fits


@pytest.mark.parametrize("favourite", [0, 7])
def test_whoever_always_prefers_one_truth_is_not(favourite):
    """He is right as often under every permutation: p is 1."""
    scores = np.zeros((20, 20))
    scores[:, favourite] = 1
    assert matching_p([scores]) == 1


def test_tied_sums_count_however_they_are_rounded():
    column = np.array([0.1, 0.2, 0.3, 0.4, 0.7])
    assert matching_p([np.tile(column, (5, 1)), np.tile(column / 3, (5, 1))]) == 1


def test_it_is_valid_where_nothing_is_seen():
    """Over noise, p ≤ 0.05 comes about one time in twenty."""
    random = np.random.default_rng(0)
    ps = [matching_p([random.random((8, 8))], draws=199) for _ in range(400)]
    assert np.mean(np.array(ps) <= 0.05) < 0.05 + 4 * (0.05 * 0.95 / 400) ** 0.5


def test_one_truth_cannot_be_permuted():
    assert matching_p([]) is None
    assert matching_p([np.ones((1, 1)), np.ones((1, 1))]) is None


@pytest.mark.parametrize("n", [2, 4, 9])
def test_sign_flips_are_scipys(n):
    differences = np.random.default_rng(n).normal(0.4, 1, n)
    theirs = permutation_test(
        (differences, np.zeros(n)),
        lambda a, b: abs((a - b).sum()),
        permutation_type="samples",
        alternative="greater",
        n_resamples=np.inf,
    )
    assert sign_flip_p(differences) == pytest.approx(theirs.pvalue, abs=NOISE)


def test_no_difference_is_no_evidence():
    assert sign_flip_p(np.zeros(9)) == 1
    assert sign_flip_p(np.zeros(0)) is None
    assert sign_flip_p(np.ones(12)) < 0.002


def test_the_same_numbers_give_the_same_p():
    scores = np.random.default_rng(1).random((9, 9))
    assert matching_p([scores]) == matching_p([scores])
    assert matching_p([scores]) != matching_p([scores], seed=1)


def test_holm_is_a_step_down_and_keeps_the_order():
    """3 × 0.01; 2 × 0.03; and no smaller than the one before."""
    assert holm((0.01, 0.04, 0.03)) == pytest.approx((0.03, 0.06, 0.06))
    assert holm((0.9, 0.8)) == (1, 1)
    assert holm(()) == ()
