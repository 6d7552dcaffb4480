"""Intervals for shares, and p-values against nulls."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist


@dataclass(frozen=True)
class Interval:
    """Both ends of a confidence interval."""

    low: float
    high: float


def wilson(hits: int | float, n: int, level: float = 0.95) -> Interval | None:
    """Wilson's score interval for a share (Wilson 1927); none without trials.

    Args:
        hits: successes; a trial may count as a fraction.
        n: number of trials.
        level: confidence, as a share.
    """
    if n == 0:
        return None
    z = NormalDist().inv_cdf((1 + level) / 2)
    centre = (hits + z * z / 2) / (n + z * z)
    half = z / (n + z * z) * math.sqrt(hits * (n - hits) / n + z * z / 4)
    low = centre - half if hits > 0 else 0.0  # exact ends: rounding would leave 1e-17
    return Interval(low, centre + half if hits < n else 1.0)


def conformal_p(score: float, nulls: Sequence[float]) -> float:
    """``(1 + nulls at least as high) / (n + 1)``: exact when score and nulls are exchangeable.

    (Vovk, Gammerman and Shafer 2005; Phipson and Smyth 2010.)
    """
    return (1 + sum(null >= score for null in nulls)) / (len(nulls) + 1)
