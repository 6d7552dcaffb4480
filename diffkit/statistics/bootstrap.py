"""Bootstrap intervals of means over clusters, with a fixed seed."""

from collections.abc import Hashable, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from diffkit.statistics.intervals import Interval
from diffkit.statistics.permutation import DRAWS


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
