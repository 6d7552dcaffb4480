"""The number of truths that is needed to distinguish two methods."""

import numpy as np
from numpy.typing import NDArray

MAX_TRUTHS = 2000
"""Largest number of truths that is considered."""


def mcnemar_power(one: float, other: float, truths: int, *, alpha: float = 0.05) -> float:
    """The exact power of McNemar's exact test to distinguish two methods (Connor 1987).

    Args:
        one: share of truths that the first method names.
        other: share that the second names. Hits of both are assumed to be independent, which is
            conservative: fewer truths are enough where the same truths are hard for both.
        truths: number of truths that both are graded on.
        alpha: level of the two-sided test.
    """
    return _power(_rejected(one, other, truths, alpha), _apart(one, other))


def truths_needed(
    one: float, other: float, *, power: float = 0.8, alpha: float = 0.05
) -> int | None:
    """The smallest number of truths from which on the test reaches ``power``.

    The power of exact tests is not monotonic, so all larger numbers are checked too.

    Args:
        one: share of truths that the first method names.
        other: share that the second names.
        power: required power.
        alpha: level of the two-sided test.

    Returns:
        The number; none where `MOST` are not enough.
    """
    rejected, apart = _rejected(one, other, MAX_TRUTHS, alpha), _apart(one, other)
    enough = None
    for truths in range(MAX_TRUTHS, 0, -1):
        if _power(rejected[: truths + 1], apart) < power:
            break
        enough = truths
    return enough


def _apart(one: float, other: float) -> float:
    """Probability that one names a truth and the other does not."""
    return one * (1 - other) + other * (1 - one)


def _rejected(one: float, other: float, most: int, alpha: float) -> NDArray[np.float64]:
    """[most + 1]: probability of rejection by number of truths that exactly one method names."""
    from scipy.stats import binom

    differing = np.arange(most + 1)
    least = binom.ppf(alpha / 2, differing, 0.5)
    least -= binom.cdf(least, differing, 0.5) > alpha / 2  # the most misses that still reject
    share = one * (1 - other) / (_apart(one, other) or 1)
    return np.asarray(binom.cdf(least, differing, share) + binom.cdf(least, differing, 1 - share))


def _power(rejected: NDArray[np.float64], apart: float) -> float:
    from scipy.stats import binom

    truths = len(rejected) - 1
    return float(binom.pmf(np.arange(truths + 1), truths, apart) @ rejected)
