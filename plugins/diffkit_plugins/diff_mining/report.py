"""The findings of diff-mining: tables of tokens, topics and traces.

Takes the statistics of `diffkit_plugins.diff_mining.measure`. Gives findings.
"""

import math
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from scipy.sparse import csr_matrix
from sklearn.decomposition import NMF
from sklearn.exceptions import ConvergenceWarning
from torch import Tensor

from diffkit import (
    ModelPair,
    Table,
    Text,
    TokenScore,
    TokenTable,
    TokenTrace,
    TracedToken,
    top_tokens,
)
from diffkit_plugins.diff_mining.config import DiffMiningConfig
from diffkit_plugins.diff_mining.measure import TextPosition, TokenStatistics, standardised
from diffkit_plugins.diff_mining.statistics import (
    LEVEL,
    PermutationFloor,
    PositionSample,
    TokenMeans,
)


@dataclass(frozen=True)
class Topic:
    """Tokens that rise in the same positions."""

    share: float
    """Its part of the rises that all topics together account for, from 0 to 1."""
    weights: Float[np.ndarray, " vocabulary"]
    """Each token's part of the topic; they add up to 1."""


def fit_topics(
    positions: PositionSample, vocabulary: int, count: int, seed: int
) -> tuple[Topic, ...]:
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


def _matrix(positions: PositionSample, vocabulary: int) -> csr_matrix:
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


def top_positive(scores: Float[Tensor, " vocabulary"], count: int) -> list[int]:
    """The tokens with the largest scores above 0, best first."""
    best = scores.sort(descending=True, stable=True)
    return best.indices[:count][best.values[:count] > 0].tolist()


def raised_table(
    found: TokenStatistics, floor: PermutationFloor, top_k: int, tokenizer: Any, count: int
) -> TokenTable:
    """The tokens that are pushed up, how far and how often in one number."""
    above = int((found.rise.mean > floor.height).sum())
    title = (
        f"Tokens pushed up: difference while among the {top_k} largest, over all positions "
        f"({above} above the permutation floor of {floor.height:.3g})"
    )
    return _means(title, "nats per position", found.rise, tokenizer, count)


def ratio_table(found: TokenStatistics, tokenizer: Any, count: int) -> TokenTable:
    """The tokens that are expected more often, against how often the base expects them."""
    scores = standardised(found.p, found.q)
    rows = [
        TokenScore(token=tokenizer.decode([token]), score=float(scores[token]))
        for token in top_positive(scores, count)
    ]
    return TokenTable(
        title="Tokens expected more often in all: log ratio of expected occurrences",
        unit="standard errors, as if occurrences were counted",
        rows=tuple(rows),
    )


def raw_order_tables(
    found: TokenStatistics, top_k: int, tokenizer: Any, count: int
) -> tuple[TokenTable, ...]:
    """The plain orders: rate, share of positive differences, mean difference."""
    return (
        _means(f"Rate among the {top_k} largest differences", "share of positions", found.rate,
               tokenizer, count),
        _means("Rate of positive differences", "share of positions", found.positive, tokenizer,
               count),
        _means("Mean difference", "nats", found.difference, tokenizer, count),
    )  # fmt: skip


def topic_table(topic: Topic, place: int, tokenizer: Any, count: int) -> TokenTable:
    """The tokens of one topic.

    Args:
        topic: the topic.
        place: its place among the topics, from 1.
        tokenizer: the base's.
        count: how many tokens are shown.
    """
    weights = torch.from_numpy(topic.weights)
    rows = [
        TokenScore(token=tokenizer.decode([token]), score=float(weights[token]))
        for token in top_positive(weights, count)
    ]
    return TokenTable(
        title=f"Topic {place}: tokens that rise together, {topic.share:.0%} of what topics explain",
        unit="share of the topic",
        rows=tuple(rows),
    )


def overview_table(
    found: TokenStatistics, floor: PermutationFloor, tokenizer: Any, tokens: Sequence[int]
) -> Table:
    """All numbers of the leading tokens, with their p-values under the permutation."""
    ps = floor.p(found.rise.mean[list(tokens)]).tolist()
    numbers = (found.rate.mean, found.positive.mean, found.difference.mean, found.rise.mean)
    rows = [
        (tokenizer.decode([token]), *(float(column[token]) for column in numbers), floor.height, p)
        for token, p in zip(tokens, ps, strict=True)
    ]
    return Table(
        title=f"Leading tokens against the permutation floor (passed by any token at all in "
        f"{LEVEL:.0%} of exchanges of the sides)",
        columns=("token", "rate", "share positive", "mean difference, nats",
                 "rise, nats per position", "floor, nats per position", "familywise p"),
        rows=tuple(rows),
    )  # fmt: skip


def _means(title: str, unit: str, means: TokenMeans, tokenizer: Any, count: int) -> TokenTable:
    mean, error = means.mean, means.standard_error
    rows = [
        TokenScore(
            token=tokenizer.decode([token]),
            score=float(mean[token]),
            spread=None if math.isnan(error[token]) else float(error[token]),
        )
        for token in top_positive(mean, count)
    ]
    return TokenTable(title=title, unit=unit, rows=tuple(rows))


END = "[end]"
"""Stands for what would follow the tokens that were read."""


def rise_trace(
    pair: ModelPair,
    texts: Sequence[Text],
    token: int,
    place: TextPosition,
    config: DiffMiningConfig,
) -> TokenTrace:
    """A window of tokens around ``place``, each with how far ``token`` rose in its stead.

    The text is read again, alone, so that the pass over all texts keeps nothing.

    Args:
        pair: both sides.
        texts: the texts that the place's number counts through.
        token: the token that rose.
        place: where it rose most.
        config: the options.
    """
    inputs = pair.base.inputs([texts[place.text]], max_tokens=config.max_tokens)
    assert inputs.ids is not None  # noqa: S101 - texts always give ids
    decode = pair.base.tokenizer.decode
    words = [*(decode([each]) for each in inputs.ids[0].tolist()), END]
    shown = slice(max(0, place.position - config.window), place.position + config.window + 1)
    q, p = (
        side.logits(inputs)[0, :, : pair.vocabulary].float().softmax(dim=-1)
        for side in (pair.base, pair.finetuned)
    )
    rises = (p[:, token] - q[:, token].to(p.device)).tolist()
    base, finetuned = (top_tokens(pair.base.tokenizer, side, config.candidates) for side in (q, p))
    predicted = [
        TracedToken(token=word, score=score, base=left, finetuned=right)
        for word, score, left, right in zip(words[1:], rises, base, finetuned, strict=True)
    ]
    return TokenTrace(
        title=f"Where {decode([token])!r} rose most: its rise in the place of each token",
        unit="probability, finetuned − base",
        tokens=(TracedToken(token=words[0]), *predicted)[shown],
    )
