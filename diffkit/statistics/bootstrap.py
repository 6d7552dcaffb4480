"""Bootstrap intervals of means over clusters, by draws from a seed."""

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
    """The percentile bootstrap interval of a mean (Efron 1979), clusters drawn as wholes.

    Values of one cluster hang together, so clusters are drawn with replacement and not values
    (Davison and Hinkley 1997, §3.8; Field and Welsh 2007). Of few clusters it is too narrow, and
    of values that are all the same it has no width, which says nothing of the next cluster.

    Args:
        values: [values] what is averaged.
        clusters: the cluster of each value.
        level: confidence, as a share.
        draws: how many samples are drawn.
        seed: of the draws.

    Returns:
        The interval; none with fewer than two clusters.
    """
    sums, sizes = _totals(values, clusters)
    if len(sums) < 2:
        return None
    chosen = _chosen(len(sums), draws, seed)
    means = (chosen @ sums) / (chosen @ sizes)
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
    """The interval of the mean of ``one`` less that of ``other``, pairs drawn together.

    As `cluster_interval` of the paired differences.

    Args:
        one: [pairs].
        other: [pairs].
        clusters: the cluster of each pair.
        level: confidence, as a share.
        draws: how many samples are drawn.
        seed: of the draws.
    """
    return cluster_interval(one - other, clusters, level=level, draws=draws, seed=seed)


@lru_cache(maxsize=4)  # a leaderboard asks for many intervals over the same truths
def _chosen(clusters: int, draws: int, seed: int) -> NDArray[np.float64]:
    """[draws, clusters]: how often each cluster is in each sample."""
    shares = np.full(clusters, 1 / clusters)
    chosen = np.random.default_rng(seed).multinomial(clusters, shares, size=draws)
    return chosen.astype(np.float64)


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
