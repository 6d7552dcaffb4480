"""Intervals for shares, and p-values against nulls."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Interval:
    """Both ends of a confidence interval."""

    low: float
    high: float


def wilson(hits: int, n: int, level: float = 0.95) -> Interval | None:
    """Wilson's score interval for a share (Wilson 1927); none where nothing was counted.

    Args:
        hits: successes.
        n: trials.
        level: confidence, as a share.
    """
    if n == 0:
        return None
    from scipy.stats import binomtest

    found = binomtest(hits, n).proportion_ci(level, method="wilson")
    return Interval(float(found.low), float(found.high))


def conformal_p(score: float, nulls: Sequence[float]) -> float:
    """``(1 + nulls at least as high) / (n + 1)``: exact when score and nulls are exchangeable.

    (Vovk, Gammerman and Shafer 2005; Phipson and Smyth 2010.)
    """
    return (1 + sum(null >= score for null in nulls)) / (len(nulls) + 1)
