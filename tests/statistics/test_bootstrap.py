"""The cluster bootstrap against scipy, a loop, enumeration and coverage."""

from itertools import product

import numpy as np
import pytest
from scipy.stats import bootstrap

from diffkit.statistics import cluster_interval, paired_interval


def ends(interval):
    return interval.low, interval.high


def test_of_clusters_of_one_it_is_scipys():
    values = np.random.default_rng(2).normal(0.4, 1, 30)
    theirs = bootstrap((values,), np.mean, method="percentile", n_resamples=9_999, rng=5)
    ours = cluster_interval(values, range(30))
    assert ends(ours) == pytest.approx(theirs.confidence_interval, abs=0.02)


def test_it_is_the_naive_loop_over_clusters():
    """Uneven clusters: the mean is over all values of the clusters that were drawn."""
    values = np.array([0.1, 0.9, 0.8, 0.3, 0.5, 0.2, 1.0])
    clusters = ["a", "b", "b", "c", "c", "c", "d"]
    members = {name: values[[c == name for c in clusters]] for name in "abcd"}
    random = np.random.default_rng(9)
    means = [
        np.concatenate([members[name] for name in random.choice(list("abcd"), 4)]).mean()
        for _ in range(9_999)
    ]
    naive = np.quantile(means, (0.05, 0.95))
    assert ends(cluster_interval(values, clusters, level=0.9)) == pytest.approx(naive, abs=0.02)


def test_of_few_clusters_it_is_the_quantiles_of_every_sample():
    values = np.array([0.0, 0.2, 0.7, 1.0])
    every = [values[list(order)].mean() for order in product(range(4), repeat=4)]
    exact = np.quantile(every, (0.025, 0.975))
    assert ends(cluster_interval(values, range(4))) == pytest.approx(exact, abs=0.03)


def test_copies_of_a_cluster_make_it_no_narrower():
    values = np.array([0.0, 1.0, 1.0, 0.0, 1.0])
    once = cluster_interval(values, range(5))
    often = cluster_interval(np.tile(values, 20), [*range(5)] * 20)
    assert ends(often) == pytest.approx(ends(once))
    naive = cluster_interval(np.tile(values, 20), range(100))
    assert naive.high - naive.low < (once.high - once.low) / 3


def test_it_covers_the_mean_about_as_often_as_it_says():
    """Clusters of three alike values; taking each for itself covers far less often."""
    random = np.random.default_rng(0)
    clusters = [place for place in range(25) for _ in range(3)]
    drawn = [np.repeat(random.normal(0, 1, 25), 3) for _ in range(200)]

    def covered(groups):
        found = [cluster_interval(values, groups, draws=499) for values in drawn]
        return np.mean([one.low <= 0 <= one.high for one in found])

    assert covered(clusters) > 0.88
    assert covered(range(75)) < 0.8


def test_a_paired_difference_forgets_what_pairs_share():
    """Truths differ far more than the readers do."""
    random = np.random.default_rng(4)
    shared = random.normal(0, 10, 40)
    one, other = shared + 1 + random.normal(0, 0.1, 40), shared
    interval = paired_interval(one, other, range(40))
    assert 0.9 < interval.low < 1 < interval.high < 1.1
    assert ends(interval) == ends(cluster_interval(one - other, range(40)))


def test_one_cluster_has_no_interval():
    assert cluster_interval(np.array([0.5, 0.7]), ["a", "a"]) is None
    assert cluster_interval(np.zeros(0), []) is None


def test_values_that_are_all_the_same_have_no_width():
    assert ends(cluster_interval(np.ones(5), range(5))) == (1, 1)


def test_what_does_not_belong_together_is_refused():
    with pytest.raises(ValueError, match="zip"):
        cluster_interval(np.ones(2), ["a"])
    with pytest.raises(ValueError, match="shapes"):
        paired_interval(np.ones(2), np.ones(3), ["a", "b"])


def test_the_same_numbers_give_the_same_interval():
    values, clusters = np.random.default_rng(1).random(9), range(9)
    assert cluster_interval(values, clusters) == cluster_interval(values, clusters)
    assert cluster_interval(values, clusters) != cluster_interval(values, clusters, seed=1)
