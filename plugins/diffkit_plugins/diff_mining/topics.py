"""Tokens that rise together: a non-negative factorisation of positions by tokens."""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.sparse import csr_matrix
from sklearn.decomposition import NMF
from sklearn.exceptions import ConvergenceWarning

from diffkit_plugins.diff_mining.sample import Positions


@dataclass(frozen=True)
class Topic:
    """Tokens that rise in the same positions."""

    share: float
    """Its part of the rises that all topics together account for, from 0 to 1."""
    weights: Float[np.ndarray, " vocabulary"]
    """Each token's part of the topic; they add up to 1."""


def topics(positions: Positions, vocabulary: int, count: int, seed: int) -> tuple[Topic, ...]:
    """The topics of some positions, the weightiest first.

    Non-negative matrix factorisation of the rises (Lee and Seung 1999) by coordinate descent, from
    a start by singular vectors (Boutsidis and Gallopoulos 2008). Fewer come where there are not as
    many positions or tokens, or where a topic is empty.

    Args:
        positions: what rises where.
        vocabulary: how many tokens both sides have.
        count: how many topics.
        seed: seed of the randomised singular vectors.
    """
    rises = _matrix(positions, vocabulary)
    count = min(count, *rises.shape)
    if count == 0:
        return ()
    model = NMF(count, init="nndsvda", random_state=seed % 2**32, max_iter=400)
    # A summary that could still be a little better is a summary; and the error of a perfect one is
    # the root of a number that rounding may leave below 0. It is not used.
    with warnings.catch_warnings(), np.errstate(invalid="ignore"):
        warnings.simplefilter("ignore", ConvergenceWarning)
        amounts = model.fit_transform(rises).sum(axis=0)
    return tuple(_topics(amounts, model.components_))


def _matrix(positions: Positions, vocabulary: int) -> csr_matrix:
    """Positions by tokens, those left out at which nothing rose."""
    rises, tokens = positions.rises.numpy(), positions.tokens.numpy()
    ends = np.arange(len(rises) + 1) * rises.shape[1]
    matrix = csr_matrix(
        (rises.ravel().astype(np.float64), tokens.ravel(), ends), (len(rises), vocabulary)
    )
    matrix.eliminate_zeros()
    return matrix[matrix.getnnz(axis=1) > 0]


def _topics(
    amounts: Float[np.ndarray, " topics"], components: Float[np.ndarray, "topics vocabulary"]
) -> Iterator[Topic]:
    sums = components.sum(axis=1)
    shares = amounts * sums
    for place in np.argsort(-shares, kind="stable"):
        if shares[place] > 0:
            yield Topic(float(shares[place] / shares.sum()), components[place] / sums[place])
