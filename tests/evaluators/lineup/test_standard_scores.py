"""Standard scores against null claims, and the threshold that they set."""

import math

import numpy as np
import pytest
from diffkit_evaluators.lineup.standard_scores import (
    MIN_SPREAD,
    VariancePrior,
    fit_variance_prior,
    inverse_trigamma,
    none_threshold,
    standard_null_scores,
    standard_scores,
)
from scipy.optimize import brentq
from scipy.special import digamma, polygamma

NULLS = np.random.default_rng(0).uniform(0, 0.2, (30, 5)) * np.array([1, 2, 0.3, 1, 0.7])
CLAIM = np.array([0.3, 0.0, 0.1, 0.2, 0.05])


def expected_scores(claim, nulls):
    """Smyth's equations, solved by bisection instead of Newton's method."""
    d = len(nulls) - 1
    variances = [math.fsum((x - column.mean()) ** 2 for x in column) / d for column in nulls.T]
    e = [math.log(v) - digamma(d / 2) + math.log(d / 2) for v in variances]
    mean = math.fsum(e) / len(e)
    excess = math.fsum((x - mean) ** 2 for x in e) / (len(e) - 1) - polygamma(1, d / 2)
    assert excess > 0
    d0 = 2 * brentq(lambda x: polygamma(1, x) - excess, 1e-6, 1e9, xtol=1e-14, rtol=1e-14)
    s0 = math.exp(mean + digamma(d0 / 2) - math.log(d0 / 2))
    spread = [math.sqrt((d0 * s0 + d * v) / (d0 + d)) for v in variances]
    return (claim - nulls.mean(axis=0)) / spread


def test_scores_are_moderated_standard_scores():
    found = standard_scores(CLAIM, NULLS)
    np.testing.assert_allclose(found, expected_scores(CLAIM, NULLS), atol=1e-7)


def test_each_null_is_held_against_the_others():
    for row, scores in enumerate(standard_null_scores(NULLS)):
        others = np.delete(NULLS, row, axis=0)
        np.testing.assert_allclose(scores, expected_scores(NULLS[row], others), atol=1e-7)


@pytest.mark.parametrize("value", [1e-6, 0.01, 0.5, math.pi**2 / 6, 40.0, 1e7])
def test_the_inverse_of_trigamma_is_its_inverse(value):
    assert polygamma(1, inverse_trigamma(value)) == pytest.approx(value)
    assert inverse_trigamma(math.pi**2 / 6) == pytest.approx(1)


@pytest.mark.parametrize(("freedom", "prior", "variance"), [(5, 4.0, 0.04), (18, 10.0, 2.0)])
def test_the_prior_that_variances_were_drawn_from_is_found(freedom, prior, variance):
    rng = np.random.default_rng(1)
    true = prior * variance / rng.chisquare(prior, 20_000)
    drawn = true * rng.chisquare(freedom, 20_000) / freedom
    found = fit_variance_prior(drawn, freedom)
    assert found.freedom == pytest.approx(prior, rel=0.1)
    assert found.variance == pytest.approx(variance, rel=0.05)
    # Shrunk variances are nearer to the true ones than the drawn ones, or one for all, are.
    error = np.square(np.log(found.shrink(drawn, freedom) / true)).mean()
    assert error < np.square(np.log(drawn / true)).mean()
    assert error < np.square(np.log(drawn.mean() / true)).mean()


def test_variances_that_differ_by_chance_alone_become_one():
    drawn = 0.01 * np.random.default_rng(2).chisquare(5, 40) / 5
    excess = np.log(drawn).var(ddof=1) - polygamma(1, 2.5)
    assert excess <= 0, "the draw must vary by no more than chance"
    found = fit_variance_prior(drawn, 5)
    assert found == VariancePrior(math.inf, float(drawn.mean()))
    assert set(found.shrink(drawn, 5)) == {drawn.mean()}


def test_a_candidate_that_attracts_everything_gains_nothing_by_it():
    attracting = NULLS + np.array([0.5, 0, 0, 0, 0])
    claim = np.array([0.6, 0.5, 0.03, 0.1, 0.07])
    assert claim.argmax() == 0
    assert standard_scores(claim, attracting).argmax() == 1


def test_a_candidate_that_nulls_never_touched_does_not_explode():
    nulls = NULLS * np.array([1, 1, 1, 1, 0])
    prior = fit_variance_prior(nulls[:, :4].var(axis=0, ddof=1), 29)
    spread = math.sqrt(prior.freedom * prior.variance / (prior.freedom + 29))
    assert 0 < spread < nulls[:, :4].std(axis=0).max()
    assert standard_scores(CLAIM, nulls)[4] == pytest.approx(CLAIM[4] / spread)
    assert standard_scores(CLAIM, nulls * 0)[4] == pytest.approx(CLAIM[4] / MIN_SPREAD)


def test_fewer_than_two_nulls_leave_the_cosines():
    for nulls in (NULLS[:0], NULLS[:1]):
        np.testing.assert_array_equal(standard_scores(CLAIM, nulls), CLAIM)
    assert np.isfinite(standard_scores(CLAIM, NULLS[:2])).all()
    assert np.isfinite(standard_null_scores(NULLS[:2])).all()


def test_a_claim_that_shares_nothing_with_anyone_leaves_all_tied_and_low():
    scores = standard_scores(CLAIM * 0, NULLS)
    assert len(set(scores)) == 1
    assert scores[0] == pytest.approx(expected_scores(CLAIM * 0, NULLS).min())


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
