"""P-values: against nulls, of paired hits or differences, of scores by truth; and their correction.

Permutations have a fixed seed: the same numbers give the same p-value.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

DRAWS = 9_999
"""Number of draws of a test; the smallest p-value is 1 / 10,000."""
_ROUNDING = 1e-9  # larger than rounding errors of sums in another order


def conformal_p(score: float, nulls: Sequence[float]) -> float:
    """``(1 + nulls at least as high) / (n + 1)``: exact when score and nulls are exchangeable.

    (Vovk, Gammerman and Shafer 2005; Phipson and Smyth 2010.)
    """
    return (1 + sum(null >= score for null in nulls)) / (len(nulls) + 1)


def joint_p(
    scores: Sequence[float | None],
    nulls: Mapping[str, Sequence[Sequence[float | None]]],
) -> dict[str, float]:
    """P-values of several methods' scores together, by null type, under any dependence.

    Each method's scores become p-values by their rank among the pair and all nulls. The statistic
    is the mean of 1 / p over the methods, as in the harmonic mean p-value (Wilson 2019), and its
    rank among the same statistic of one type's nulls is the p-value. Where the pair and the nulls
    of a type are exchangeable, so are their statistics: the test is exact, however much methods
    agree.

    Args:
        scores: of the pair, one of each method; none is below any score.
        nulls: null type → nulls → scores of each method.
    """
    types = [name for name, rows in nulls.items() for _ in rows]
    table = np.array([scores, *(row for rows in nulls.values() for row in rows)], dtype=float)
    table[np.isnan(table)] = -np.inf
    at_least = (table[:, None] <= table[None]).mean(axis=1)  # the p-value of each score
    statistics = (1 / at_least).mean(axis=1).round(9)
    found: dict[str, list[float]] = {name: [] for name, rows in nulls.items() if rows}
    for name, statistic in zip(types, statistics[1:].tolist(), strict=True):
        found[name].append(statistic)
    own = float(statistics[0])
    return {name: conformal_p(own, values) for name, values in found.items()}


FEWEST_FOR_T = 4
"""Smallest number of nulls for `student_t_p`."""


def student_t_p(score: float, nulls: Sequence[float]) -> float | None:
    """One-sided p-value of a new observation, if the transformed scores are normally distributed.

    Student's t with n - 1 degrees of freedom, (x - mean) / (s √(1 + 1/n)), of logarithms where the
    score and all nulls are positive, of square roots where one of them is 0, and of the scores
    themselves where one is negative. Unlike `conformal_p` it can be small with few nulls, and it is
    only as right as its assumption.

    Args:
        score: the new score.
        nulls: scores of nulls.

    Returns:
        The p-value; none with fewer than `FEWEST_FOR_T` nulls, or if all of them are alike.
    """
    from scipy.special import stdtr

    n = len(nulls)
    if n < FEWEST_FOR_T:
        return None
    new, *known = _transformed([score, *nulls])
    spread = float(np.std(known, ddof=1))
    if spread <= _ROUNDING * max(map(abs, known)):
        return None
    t = (new - float(np.mean(known))) / (spread * math.sqrt(1 + 1 / n))
    return float(stdtr(n - 1, -t))


def _transformed(scores: Sequence[float]) -> list[float]:
    least = min(scores)
    if least < 0:
        return list(scores)
    return [math.log(score) if least > 0 else math.sqrt(score) for score in scores]


def mcnemar_p(one: Sequence[bool], other: Sequence[bool]) -> float | None:
    """McNemar's exact test of paired hits, two-sided (McNemar 1947; exact: Fagerland et al. 2013).

    Only cases that exactly one of them hit count; under the null hypothesis each is equally likely
    to be that one.

    Args:
        one: whether the first hit each case.
        other: whether the second hit each case.

    Returns:
        The p-value, 1 where they never differ; none without cases.
    """
    from scipy.stats import binomtest

    pairs = list(zip(one, other, strict=True))
    if not pairs:
        return None
    ahead = sum(a and not b for a, b in pairs)
    apart = sum(a != b for a, b in pairs)
    return float(binomtest(ahead, apart).pvalue) if apart else 1.0


def matching_p(
    blocks: Sequence[NDArray[np.float64]], *, draws: int = DRAWS, seed: int = 0
) -> float | None:
    """One-sided permutation test of whether findings fit their own truth better than others.

    Truths are permuted over findings within each block. An investigator that prefers one truth
    regardless of the findings has the same score under every permutation, so it is not significant.
    p = (1 + draws that score at least as high) / (1 + draws) (Phipson and Smyth 2010).

    Args:
        blocks: [findings, truths] each, square: the score of the findings if each truth were
            theirs; the score with their own truth is on the diagonal.
        draws: number of permutations.
        seed: seed of the draws.

    Returns:
        The p-value; none where no block has two truths.
    """
    if all(len(block) < 2 for block in blocks):
        return None
    random = np.random.default_rng(seed)
    totals = np.zeros(draws)
    for block in blocks:
        size = len(block)
        order = random.random((draws, size)).argsort(axis=1)
        totals += block[np.arange(size), order].sum(axis=1)
    observed = sum(float(np.trace(block)) for block in blocks)
    return _p(totals, observed)


def sign_flip_p(
    differences: NDArray[np.float64], *, draws: int = DRAWS, seed: int = 0
) -> float | None:
    """Two-sided sign-flip test of whether paired differences are centred at zero (Fisher 1935).

    Args:
        differences: [pairs] the differences.
        draws: number of random assignments of signs.
        seed: seed of the draws.

    Returns:
        The p-value; none without pairs.
    """
    if not len(differences):
        return None
    signs = np.random.default_rng(seed).choice((-1.0, 1.0), size=(draws, len(differences)))
    return _p(np.abs(signs @ differences), abs(float(differences.sum())))


def _p(totals: NDArray[np.float64], observed: float) -> float:
    high = int((totals >= observed - _ROUNDING).sum())
    return (1 + high) / (1 + len(totals))


def holm(ps: Sequence[float]) -> tuple[float, ...]:
    """P-values with Holm's correction for multiple tests (Holm 1979), in the given order."""
    adjusted, least = [0.0] * len(ps), 0.0
    for place, index in enumerate(sorted(range(len(ps)), key=ps.__getitem__)):
        least = max(least, min(1.0, (len(ps) - place) * ps[index]))
        adjusted[index] = least
    return tuple(adjusted)
