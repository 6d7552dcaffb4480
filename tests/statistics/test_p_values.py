"""Permutation tests against scipy, enumeration and closed forms."""

from itertools import permutations, product

import numpy as np
import pytest
from scipy.stats import norm, permutation_test, ttest_ind

from diffkit.statistics import conformal_p, holm, joint_p, matching_p, sign_flip_p, student_t_p

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


def one_factor(rng, pairs, methods, loading):
    """Scores of methods that agree through one factor, some of them monotonically transformed."""
    factor = rng.standard_normal((pairs, 1))
    scores = loading * factor + (1 - loading**2) ** 0.5 * rng.standard_normal((pairs, methods))
    scores[:, ::2] = np.exp(scores[:, ::2])
    return scores


@pytest.mark.parametrize("loading", [0.0, 0.7, 0.99, 1.0])
def test_joint_p_values_are_right_as_often_as_they_say_under_any_dependence(loading):
    rng = np.random.default_rng(3)
    found = []
    for _ in range(2_000):
        scores = one_factor(rng, 40, 6, loading)
        # Nulls of another type lie elsewhere; the test against the first is exact all the same.
        nulls = {"random": scores[1:20].tolist(), "benign": (scores[20:] + 2).tolist()}
        found.append(joint_p(scores[0].tolist(), nulls)["random"])
    for level in (0.05, 0.1, 0.5):
        error = 4 * (level * (1 - level) / len(found)) ** 0.5
        share = np.mean(np.array(found) <= level + 1e-9)
        assert share <= level + error
        assert share >= level - error  # continuous scores: no ties, nothing is given away


def test_a_bonferroni_correction_of_the_same_scores_gives_away_what_joint_p_values_keep():
    rng = np.random.default_rng(4)
    joint = bonferroni = 0
    for _ in range(300):
        scores = one_factor(rng, 20, 6, 0.5)
        scores[0] += 3 * np.abs(scores[0]) + 2
        joint += joint_p(scores[0].tolist(), {"random": scores[1:].tolist()})["random"] <= 0.05
        single = [conformal_p(own, others) for own, *others in scores.T.tolist()]
        bonferroni += 6 * min(single) <= 0.05
    assert bonferroni == 0, "20 pairs give no p-value below 0.05 / 6"
    assert joint > 200


def test_a_joint_p_value_by_hand():
    """1 / p of each score by its rank from above, averaged: 5, 2.5 and so on."""
    nulls = {"a": [(1.0, 9.0), (2.0, None)], "b": [(0.0, 8.0), (4.0, 1.0)]}
    # Ranks from above, of 5: own (2, 3), a: (4, 1) and (3, 5), b: (5, 2) and (1, 4).
    own, first, second = 5 / 2 + 5 / 3, 5 / 4 + 5, 5 / 3 + 1
    third, fourth = 1 + 5 / 2, 5 + 5 / 4
    assert first > own > second
    assert fourth > own > third
    assert joint_p((3.0, 7.0), nulls) == {"a": 2 / 3, "b": 2 / 3}
    assert joint_p((5.0, 10.0), nulls) == {"a": 1 / 3, "b": 1 / 3}
    assert joint_p((None, None), nulls) == {"a": 1.0, "b": 1.0}
    assert joint_p((1.0, 2.0), {"a": [], "b": [(0.0, 1.0)]}) == {"b": 0.5}


def test_joint_p_values_of_one_method_are_its_conformal_p_values():
    nulls = [1.0, 2.0, 2.0, 3.0]
    for score in (0.0, 2.0, 2.5, 4.0):
        found = joint_p((score,), {"random": [(null,) for null in nulls]})
        assert found == {"random": conformal_p(score, nulls)}


@pytest.mark.parametrize(
    ("score", "nulls", "transform"),
    [
        (9.0, [1.0, 2.0, 4.0, 3.0], np.log),
        (0.0, [1.0, 2.0, 4.0, 3.0], np.sqrt),
        (9.0, [1.0, 0.0, 4.0, 3.0, 3.0], np.sqrt),
        (9.0, [1.0, -2.0, 4.0, 3.0], np.asarray),
        (1e-4, [1e-3, 2e-3, 5e-4, 1e-3, 7e-4], np.log),
    ],
)
def test_a_new_observation_is_a_sample_of_one(score, nulls, transform):
    """The t-test of two samples, of which one has one observation and no spread of its own."""
    found = ttest_ind(transform([score]), transform(nulls), alternative="greater")
    assert student_t_p(score, nulls) == pytest.approx(found.pvalue)


def test_few_or_equal_nulls_have_no_t():
    assert student_t_p(9.0, [1.0, 2.0, 3.0]) is None
    assert student_t_p(9.0, [0.0] * 19) is None
    assert student_t_p(9.0, [0.1] * 19) is None


def test_the_t_holds_its_level_where_logarithms_are_normal():
    scores = np.exp(norm.rvs(size=(4000, 5), random_state=1))
    ps = np.array([student_t_p(row[0], row[1:].tolist()) for row in scores])
    for level in (0.05, 0.2):
        spread = (level * (1 - level) / len(ps)) ** 0.5
        assert (ps <= level).mean() == pytest.approx(level, abs=4 * spread)
