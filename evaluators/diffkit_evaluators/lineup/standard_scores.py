"""Standard scores of claims relative to null claims, with variances shrunk towards each other.

Takes cosines of claims and statements. Gives scores that may be compared between statements.
"""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

MIN_SPREAD = 1e-3
"""Smallest spread of a statement, as a cosine; smaller ones are no evidence of any spread."""

NONE_LEVEL = 0.05
"""Chance that "none of these" loses to a text where the claim is about a null."""


@dataclass(frozen=True)
class VariancePrior:
    """A scaled inverse χ² distribution of variances (Smyth 2004)."""

    freedom: float
    """d₀: how many observations the prior is worth; infinite if the variances are all alike."""
    variance: float
    """s₀²."""

    def shrink(
        self, variances: Float[np.ndarray, " statements"], freedom: int
    ) -> Float[np.ndarray, " statements"]:
        """The posterior means (d₀s₀² + ds²) / (d₀ + d) of variances with ``freedom`` d."""
        own = 0.0 if math.isinf(self.freedom) else freedom / (self.freedom + freedom)
        return np.asarray(own * variances + (1 - own) * self.variance)


def fit_variance_prior(variances: Float[np.ndarray, " statements"], freedom: int) -> VariancePrior:
    """The prior whose logarithms have the mean and variance of ``variances``' (Smyth 2004, §6.2).

    Variances of 0 have no logarithm and are left out: a statement that shares no word with any null
    claim does not show how precise its zeros are.

    Args:
        variances: unbiased sample variances.
        freedom: degrees of freedom of each, at least 1.
    """
    from scipy.special import digamma, polygamma

    positive = variances[variances > MIN_SPREAD**2]
    if len(positive) < 2:
        return VariancePrior(math.inf, float(positive.mean()) if len(positive) else MIN_SPREAD**2)
    logs = np.log(positive) - digamma(freedom / 2) + math.log(freedom / 2)
    excess = float(logs.var(ddof=1) - polygamma(1, freedom / 2))
    if excess <= 0:
        return VariancePrior(math.inf, float(positive.mean()))
    prior = 2 * inverse_trigamma(excess)
    centre = float(logs.mean() + digamma(prior / 2) - math.log(prior / 2))
    return VariancePrior(prior, math.exp(centre))


def inverse_trigamma(value: float) -> float:
    """The x > 0 whose trigamma function is ``value`` > 0, by Newton's method on its reciprocal."""
    from scipy.special import polygamma

    x = 0.5 + 1 / value  # below the solution, from where the steps only rise (Smyth 2004)
    for _ in range(100):
        now = float(polygamma(1, x))
        step = now * (1 - now / value) / float(polygamma(2, x))
        x += step
        if abs(step) < 1e-10 * x:
            break
    return x


def standard_scores(
    cosines: Float[np.ndarray, " statements"], nulls: Float[np.ndarray, "nulls statements"]
) -> Float[np.ndarray, " statements"]:
    """Standard scores of a claim relative to null claims, for each statement.

    With fewer than two null claims, the cosines themselves. A claim without a word of any statement
    leaves all of them tied.

    Args:
        cosines: cosine of the claim and each statement.
        nulls: cosine of each null claim and each statement.
    """
    return _standard_scores(cosines, nulls) if len(nulls) > 1 else cosines.round(9)


def standard_null_scores(
    nulls: Float[np.ndarray, "nulls statements"],
) -> Float[np.ndarray, "nulls statements"]:
    """Standard scores of each null claim relative to the others.

    Included in mean and spread itself, a null claim would look less unusual than a new claim does.
    """
    rows = range(len(nulls))
    scores = [_standard_scores(nulls[row], np.delete(nulls, row, axis=0)) for row in rows]
    return np.array(scores).reshape(nulls.shape)


def _standard_scores(cosines: np.ndarray, nulls: np.ndarray) -> np.ndarray:
    scores = (cosines - nulls.mean(axis=0)) / _spreads(nulls)
    if not cosines.any():
        scores = np.full_like(scores, scores.min())
    return np.asarray(scores.round(9))  # rounding errors must not break ties


def _spreads(nulls: np.ndarray) -> np.ndarray:
    """The standard deviation of each statement's cosines over null claims, shrunk."""
    freedom = len(nulls) - 1
    if not freedom:
        return np.full(nulls.shape[1], MIN_SPREAD)
    variances = nulls.var(axis=0, ddof=1)
    shrunk = fit_variance_prior(variances, freedom).shrink(variances, freedom)
    return np.asarray(np.sqrt(shrunk).clip(min=MIN_SPREAD))


def none_threshold(best: Float[np.ndarray, " nulls"]) -> float:
    """A score that a null claim's best score reaches with a probability of at most `NONE_LEVEL`.

    It is just above the order statistic of rank ⌈(1 − `NONE_LEVEL`)(nulls + 1)⌉ (Vovk,
    Gammerman and Shafer 2005). With fewer than 19 nulls that is the largest one, and the
    probability is at most 1 / (nulls + 1).

    Args:
        best: the best score of each null claim; at least one.
    """
    rank = math.ceil(round((1 - NONE_LEVEL) * (len(best) + 1), 9))
    return math.nextafter(float(np.sort(best)[min(rank, len(best)) - 1]), math.inf)
