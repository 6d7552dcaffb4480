"""Permutation tests, by draws from a seed: the same numbers give the same p-value."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

DRAWS = 9_999
"""Draws of a test: the least p-value is 1 / 10,000."""
_ROUNDING = 1e-9  # sums of the same numbers in another order differ by less


def matching_p(
    blocks: Sequence[NDArray[np.float64]], *, draws: int = DRAWS, seed: int = 0
) -> float | None:
    """Whether findings fit their own truth better than another's: a one-sided permutation test.

    Truths are permuted over findings within each block, never across. A reader who always prefers
    one truth scores the same under every permutation, and so is not significant.
    p = (1 + draws that score at least as high) / (1 + draws) (Phipson and Smyth 2010).

    Args:
        blocks: [findings, truths] each, square: the score of each findings had each truth been
            theirs; their own is on the diagonal.
        draws: how many permutations are drawn.
        seed: of the draws.

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
    """Whether paired differences lie around zero: a two-sided test by random signs (Fisher 1935).

    Args:
        differences: [pairs].
        draws: how many assignments of signs are drawn.
        seed: of the draws.

    Returns:
        The p-value; none where there are no pairs.
    """
    if not len(differences):
        return None
    signs = np.random.default_rng(seed).choice((-1.0, 1.0), size=(draws, len(differences)))
    return _p(np.abs(signs @ differences), abs(float(differences.sum())))


def _p(totals: NDArray[np.float64], observed: float) -> float:
    high = int((totals >= observed - _ROUNDING).sum())
    return (1 + high) / (1 + len(totals))


def holm(ps: Sequence[float]) -> tuple[float, ...]:
    """P-values adjusted for how many were looked at (Holm 1979), in the order given."""
    adjusted, least = [0.0] * len(ps), 0.0
    for place, index in enumerate(sorted(range(len(ps)), key=ps.__getitem__)):
        least = max(least, min(1.0, (len(ps) - place) * ps[index]))
        adjusted[index] = least
    return tuple(adjusted)
