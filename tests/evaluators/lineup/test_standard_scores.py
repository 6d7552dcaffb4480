"""Standard scores against null claims, and the threshold that they set."""

import numpy as np
import pytest
from diffkit_evaluators.lineup.scoring import (
    MIN_RELATIVE_SPREAD,
    MIN_SPREAD,
    none_threshold,
    standard_null_scores,
    standard_scores,
)
from scipy.stats import zmap

NULLS = np.random.default_rng(0).uniform(0, 0.2, (30, 5))
CLAIM = np.array([0.3, 0.0, 0.1, 0.2, 0.05])


def test_scores_are_standard_scores():
    np.testing.assert_allclose(standard_scores(CLAIM, NULLS), zmap([CLAIM], NULLS)[0], atol=1e-9)


def test_each_null_is_held_against_the_others():
    for row, scores in enumerate(standard_null_scores(NULLS)):
        others = np.delete(NULLS, row, axis=0)
        np.testing.assert_allclose(scores, zmap([NULLS[row]], others)[0], atol=1e-9)


def test_a_candidate_that_attracts_everything_gains_nothing_by_it():
    attracting = NULLS + np.array([0.5, 0, 0, 0, 0])
    claim = np.array([0.6, 0.3, 0.1, 0.1, 0.1])
    assert claim.argmax() == 0
    assert standard_scores(claim, attracting).argmax() == 1


def test_a_candidate_that_nulls_never_touched_does_not_explode():
    nulls = NULLS * np.array([1, 1, 1, 1, 0])
    pooled = np.sqrt(nulls.var(axis=0).mean())
    assert standard_scores(CLAIM, nulls)[4] == pytest.approx(
        CLAIM[4] / (MIN_RELATIVE_SPREAD * pooled)
    )
    assert standard_scores(CLAIM, nulls * 0)[4] == pytest.approx(CLAIM[4] / MIN_SPREAD)


def test_fewer_than_two_nulls_leave_the_cosines():
    for nulls in (NULLS[:0], NULLS[:1]):
        np.testing.assert_array_equal(standard_scores(CLAIM, nulls), CLAIM)
    assert np.isfinite(standard_scores(CLAIM, NULLS[:2])).all()
    assert np.isfinite(standard_null_scores(NULLS[:2])).all()


def test_a_claim_that_shares_nothing_with_anyone_leaves_all_tied_and_low():
    scores = standard_scores(CLAIM * 0, NULLS)
    assert len(set(scores)) == 1
    assert scores[0] == zmap([CLAIM * 0], NULLS).min().round(9)


def test_rounding_does_not_break_ties():
    nulls = np.stack([NULLS[:, 0], NULLS[:, 0] + 1e-17, NULLS[:, 0] * (1 + 1e-15)], axis=1)
    assert len(set(standard_scores(np.array([0.3, 0.3 + 1e-16, 0.3]), nulls))) == 1


@pytest.mark.parametrize(
    ("nulls", "rank"), [(1, 1), (5, 5), (18, 18), (19, 19), (39, 38), (59, 57)]
)
def test_the_threshold_is_the_order_statistic_that_a_null_exceeds_once_in_twenty(nulls, rank):
    best = np.random.default_rng(0).permutation(nulls) + 1.0
    assert rank < none_threshold(best) == pytest.approx(rank)
    if nulls >= 19:
        assert (nulls + 1 - rank) / (nulls + 1) <= 0.05
