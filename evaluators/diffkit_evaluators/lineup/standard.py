"""Scores held against null claims: a candidate that attracts everything gains nothing by it."""

import math

import numpy as np
from jaxtyping import Float

FLOOR = 0.25
"""Least spread of a candidate, as a share of the pooled one: one that the nulls never touched must
not win by a single word."""
TINY = 1e-3
"""Least spread at all, as a cosine, for nulls that are all alike."""
LEVEL = 0.05
"""Chance that "none of these" may lose to a text, were the claim one of the nulls'."""


def standardised(
    cosines: Float[np.ndarray, " candidates"], nulls: Float[np.ndarray, "nulls candidates"]
) -> Float[np.ndarray, " candidates"]:
    """Standard scores of a claim against null claims, candidate by candidate.

    With fewer than two nulls the cosines themselves. A claim that shares nothing with any candidate
    leaves all of them tied.

    Args:
        cosines: of the claim to each candidate.
        nulls: of each null claim to each candidate.
    """
    return _standardised(cosines, nulls) if len(nulls) > 1 else cosines.round(9)


def standardised_nulls(
    nulls: Float[np.ndarray, "nulls candidates"],
) -> Float[np.ndarray, "nulls candidates"]:
    """Standard scores of each null claim against all the others, as a new claim's against all.

    Its own share in mean and spread would make a null look less unusual than a new claim.
    """
    rows = range(len(nulls))
    scores = [_standardised(nulls[row], np.delete(nulls, row, axis=0)) for row in rows]
    return np.array(scores).reshape(nulls.shape)


def _standardised(cosines: np.ndarray, nulls: np.ndarray) -> np.ndarray:
    spread = nulls.std(axis=0)
    pooled = math.sqrt(np.square(spread).mean())
    scores = (cosines - nulls.mean(axis=0)) / spread.clip(min=max(FLOOR * pooled, TINY))
    if not cosines.any():
        scores = np.full_like(scores, scores.min())
    return np.asarray(scores.round(9))  # rounding errors must not break ties


def threshold(best: Float[np.ndarray, " nulls"]) -> float:
    """A score that the best of a null's scores reaches with a chance of at most `LEVEL`.

    It stands just above the order statistic of rank ⌈(1 − `LEVEL`)(nulls + 1)⌉ (Vovk, Gammerman
    and Shafer 2005). With fewer than 19 nulls that is their largest, which promises only a chance
    of 1 / (nulls + 1).

    Args:
        best: the best score of each null claim; at least one.
    """
    rank = math.ceil(round((1 - LEVEL) * (len(best) + 1), 9))
    return math.nextafter(float(np.sort(best)[min(rank, len(best)) - 1]), math.inf)
