"""Confidence intervals of shares and of means over clusters."""

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from diffkit.organism import Record
from diffkit.statistics.p_values import DRAWS


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


class Share(Record):
    """A share of units with its interval."""

    hits: int | float
    """Number of hits; a unit with several cases may count as a fraction."""
    n: int
    low: float | None = None
    """Lower end of the 95 % Wilson interval; none where n is 0, or the value is a mean."""
    high: float | None = None
    """Upper end."""

    @property
    def value(self) -> float | None:
        """Hits / n; none where n is 0."""
        return self.hits / self.n if self.n else None


def share(hits: int | float, n: int) -> Share:
    """A share with its 95 % Wilson interval."""
    interval = wilson(hits, n)
    return Share(
        hits=hits,
        n=n,
        low=interval.low if interval else None,
        high=interval.high if interval else None,
    )


def format_share(share: Share) -> str:
    """A share with its interval as text."""
    interval = "" if share.low is None else f" [{share.low:.2f}, {share.high:.2f}]"
    return f"{share.hits} of {share.n}{interval}"


def cluster_interval(
    values: NDArray[np.float64],
    clusters: Sequence[Hashable],
    *,
    level: float = 0.95,
    draws: int = DRAWS,
    seed: int = 0,
) -> Interval | None:
    """The percentile bootstrap interval of a mean (Efron 1979), resampling whole clusters.

    Values of one cluster are dependent, so clusters and not values are drawn with replacement
    (Davison and Hinkley 1997, §3.8; Field and Welsh 2007). The interval is too narrow for few
    clusters, and has no width where all values are equal.

    Args:
        values: [values] the values.
        clusters: the cluster of each value.
        level: confidence, as a share.
        draws: number of bootstrap samples.
        seed: seed of the draws.

    Returns:
        The interval; none with fewer than two clusters.
    """
    sums, sizes = _totals(values, clusters)
    if len(sums) < 2:
        return None
    counts = _cluster_counts(len(sums), draws, seed)
    means = (counts @ sums) / (counts @ sizes)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(low), float(high))


def paired_interval(
    one: NDArray[np.float64],
    other: NDArray[np.float64],
    clusters: Sequence[Hashable],
    *,
    level: float = 0.95,
    draws: int = DRAWS,
    seed: int = 0,
) -> Interval | None:
    """The interval of the mean of ``one`` minus the mean of ``other``.

    Equals `cluster_interval` of the paired differences.

    Args:
        one: [pairs] the first value of each pair.
        other: [pairs] the second value of each pair.
        clusters: the cluster of each pair.
        level: confidence, as a share.
        draws: number of bootstrap samples.
        seed: seed of the draws.
    """
    return cluster_interval(one - other, clusters, level=level, draws=draws, seed=seed)


@lru_cache(maxsize=4)  # a leaderboard has many intervals over the same truths
def _cluster_counts(clusters: int, draws: int, seed: int) -> NDArray[np.float64]:
    """[draws, clusters]: number of times that each cluster is in each sample."""
    shares = np.full(clusters, 1 / clusters)
    counts = np.random.default_rng(seed).multinomial(clusters, shares, size=draws)
    return counts.astype(np.float64)


def _totals(
    values: NDArray[np.float64], clusters: Sequence[Hashable]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Sum and number of the values of each cluster."""
    places = {name: place for place, name in enumerate(dict.fromkeys(clusters))}
    sums, sizes = np.zeros(len(places)), np.zeros(len(places))
    for value, name in zip(values, clusters, strict=True):
        sums[places[name]] += value
        sizes[places[name]] += 1
    return sums, sizes
