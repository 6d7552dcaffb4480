"""The findings of diff-mining: tables of tokens, topics and traces.

Takes the statistics of `diffkit_plugins.diff_mining.measure`. Gives findings.
"""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from scipy.sparse import csr_matrix
from sklearn.decomposition import NMF
from sklearn.exceptions import ConvergenceWarning

from diffkit import Inputs, ModelPair, Note, Table, Text, TokenTable, TokenTrace
from diffkit.analysis import (
    common_probabilities,
    token_table,
    token_text,
    token_texts,
    top_positive,
    trace_tokens,
    word_in_text,
)
from diffkit_plugins.diff_mining.config import DiffMiningConfig
from diffkit_plugins.diff_mining.exchanges import LEVEL, ExchangeTest
from diffkit_plugins.diff_mining.measure import (
    TextPosition,
    TokenStatistics,
)
from diffkit_plugins.diff_mining.ratios import standardized_log_ratios
from diffkit_plugins.diff_mining.statistics import PositionSample, TokenMeans


@dataclass(frozen=True)
class Topic:
    """Tokens whose probability rises in the same positions."""

    share: float
    """Its share of the rises that all topics together explain, from 0 to 1."""
    weights: Float[np.ndarray, " vocabulary"]
    """The share of each token in the topic; they sum to 1."""


def fit_topics(
    positions: PositionSample, vocabulary: int, count: int, seed: int
) -> tuple[Topic, ...]:
    """The topics of some positions, the largest share first.

    Non-negative matrix factorization of the rises (Lee and Seung 1999) by coordinate descent,
    initialized with singular vectors (Boutsidis and Gallopoulos 2008). There are fewer topics than
    ``count`` if there are fewer positions or tokens, or if a topic is empty.

    Args:
        positions: the sampled positions with their raised tokens.
        vocabulary: the number of tokens that both sides have.
        count: the number of topics.
        seed: the seed of the randomized singular vectors.
    """
    rises = _matrix(positions, vocabulary)
    count = min(count, *rises.shape)
    if count == 0:
        return ()
    model = NMF(count, init="nndsvda", random_state=seed % 2**32, max_iter=400)
    # A factorization that has not converged is still a usable summary. The error of an exact one is
    # the root of a number that rounding may make negative; it is not used.
    with warnings.catch_warnings(), np.errstate(invalid="ignore"):
        warnings.simplefilter("ignore", ConvergenceWarning)
        amounts = model.fit_transform(rises).sum(axis=0)
    return tuple(_topics(amounts, model.components_))


def _matrix(positions: PositionSample, vocabulary: int) -> csr_matrix:
    """Positions by tokens, without the positions at which no token rose."""
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


def raised_table(
    found: TokenStatistics, tested: ExchangeTest, top_k: int, tokenizer: Any, count: int
) -> TokenTable:
    """The tokens that finetuning makes likelier, by how much and how often in one number."""
    title = (
        f"Tokens pushed up: difference while among the {top_k} largest, over all positions "
        f"({int(tested.beyond.sum()):,} beyond chance)"
    )
    return _means(found, found.rise, tokenizer, count, title=title, unit="nats per position")


def conclusion(found: TokenStatistics, tested: ExchangeTest, tokenizer: Any) -> Note:
    """What the test says, with the leading tokens that it is true of."""
    beyond = top_positive(torch.where(tested.beyond, found.rise.mean, 0.0), NAMED)
    number, left_out = int(tested.beyond.sum()), int((~found.plausible).sum())
    silent = f" {left_out:,} tokens are left out: neither side would say them anywhere."
    silent = silent if left_out else ""
    if not number:
        return Note(
            text=f"No token rises in more texts than exchanges of the sides explain (familywise p "
            f"≤ {LEVEL}): the tokens shown may be chance. More texts tell more.{silent}"
        )
    named = ", ".join(repr(token_text(tokenizer, token)) for token in beyond)
    return Note(
        text=f"{number:,} tokens rise in more texts than exchanges of the sides explain "
        f"(familywise p ≤ {LEVEL}), first of all {named}. A random change of the weights has such "
        f"tokens too; nulls of the pair tell what is special.{silent}"
    )


def ratio_table(found: TokenStatistics, tokenizer: Any, count: int) -> TokenTable:
    """The tokens that the finetuned side expects more often than the base does."""
    return token_table(
        "Tokens expected more often in all: log ratio of expected occurrences",
        torch.where(found.plausible, standardized_log_ratios(found.p, found.q), 0.0),
        tokenizer,
        count,
        unit="standard errors, as if occurrences were counted",
    )


def raw_order_tables(
    found: TokenStatistics, top_k: int, tokenizer: Any, count: int
) -> tuple[TokenTable, ...]:
    """Tables by rate, by share of positive differences, and by mean difference."""
    titles = (
        (f"Rate among the {top_k} largest differences", "share of positions", found.rate),
        ("Rate of positive differences", "share of positions", found.positive),
        ("Mean difference", "nats", found.difference),
    )
    return tuple(
        _means(found, means, tokenizer, count, title=title, unit=unit)
        for title, unit, means in titles
    )


def topic_table(topic: Topic, place: int, tokenizer: Any, count: int) -> TokenTable:
    """The tokens of one topic.

    Args:
        topic: the topic.
        place: its rank among the topics, from 1.
        tokenizer: the base's.
        count: the largest number of tokens.
    """
    title = f"Topic {place}: tokens that rise together, {topic.share:.0%} of what topics explain"
    weights = torch.from_numpy(topic.weights)
    return token_table(title, weights, tokenizer, count, unit="share of the topic")


def overview_table(
    found: TokenStatistics, tested: ExchangeTest, tokenizer: Any, words: Mapping[int, str]
) -> Table:
    """All statistics of the tokens with the largest rises, with permutation p-values.

    Args:
        found: the statistics.
        tested: the test.
        tokenizer: the base's.
        words: the tokens with their words, as `risen_words` gives them.
    """
    numbers = (found.rate.mean, found.positive.mean, found.difference.mean, found.rise.mean,
               tested.consistency, tested.p)  # fmt: skip
    rows = [
        (token_text(tokenizer, token), word, *(float(column[token]) for column in numbers))
        for token, word in words.items()
    ]
    return Table(
        title=f"Leading tokens against exchanges of the sides (consistency is at most "
        f"{found.rise.texts**0.5:.3g}, the root of the number of texts)",
        columns=("token", "as a word", "rate", "share positive", "mean difference, nats",
                 "rise, nats per position", "consistency", "familywise p"),
        rows=tuple(rows),
        text_columns=("token",),
    )  # fmt: skip


def risen_words(
    pair: ModelPair,
    texts: Sequence[Text],
    found: TokenStatistics,
    tokens: Sequence[int],
    config: DiffMiningConfig,
) -> dict[int, str]:
    """For each token the whole word that it makes where its probability rose most.

    Args:
        pair: both sides.
        texts: the texts that were read.
        found: where the tokens rose.
        tokens: the tokens.
        config: the options.
    """
    tokenizer, words = pair.base.tokenizer, {}
    for token in tokens:
        place, words[token] = found.places.of(token), token_text(tokenizer, token).strip()
        if place is not None:
            ids = pair.base.inputs([texts[place.text]], max_tokens=config.max_tokens).ids
            assert ids is not None  # noqa: S101 - texts always give ids
            words[token] = word_in_text(tokenizer, ids[0].tolist(), place.position, token)
    return words


def _means(
    found: TokenStatistics, means: TokenMeans, tokenizer: Any, count: int, *, title: str, unit: str
) -> TokenTable:
    shown = torch.where(found.plausible, means.mean, 0.0)
    return token_table(title, shown, tokenizer, count, unit=unit, spread=means.standard_error)


NAMED = 5
"""Tokens that the conclusion names."""


def rise_trace(
    pair: ModelPair,
    texts: Sequence[Text],
    token: int,
    place: TextPosition,
    config: DiffMiningConfig,
) -> TokenTrace:
    """The tokens around ``place``, each with the rise in probability of ``token`` at its position.

    The models read the text again, so that the pass over all texts keeps no predictions.

    Args:
        pair: both sides.
        texts: the texts that the index in ``place`` refers to.
        token: the token whose probability rose.
        place: the position at which it rose most.
        config: the options.
    """
    inputs = pair.base.inputs([texts[place.text]], max_tokens=config.max_tokens)
    assert inputs.ids is not None  # noqa: S101 - texts always give ids
    tokenizer = pair.base.tokenizer
    shown = token_text(tokenizer, token)
    words = token_texts(tokenizer, inputs.ids[0].tolist())
    first = max(0, place.position - config.window)
    stop = min(place.position + config.window + 1, len(words))
    predicting = slice(max(0, first - 1), None)
    read = Inputs(inputs.mask[:, : stop - 1], ids=inputs.ids[:, : stop - 1])
    q, p = (
        common_probabilities(side.logits(read, predicting)[0], pair.vocabulary)
        for side in (pair.base, pair.finetuned)
    )
    rises = (p[:, token] - q[:, token].to(p.device)).tolist()
    tokens = trace_tokens(
        tokenizer,
        words[first:stop],
        rises,
        base=q,
        finetuned=p,
        candidates=config.candidates,
    )
    return TokenTrace(
        title=f"Where {shown!r} rose most: its rise in the place of each token",
        unit="probability, finetuned − base",
        tokens=tokens,
    )
