"""The scan's numbers as findings."""

import math
from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from diffkit import Table, TokenScore, TokenTable
from diffkit_plugins.diff_mining.exchange import LEVEL, Floor
from diffkit_plugins.diff_mining.means import Means
from diffkit_plugins.diff_mining.ratios import standardised
from diffkit_plugins.diff_mining.scan import Scan
from diffkit_plugins.diff_mining.topics import Topic


def leading(scores: Float[Tensor, " vocabulary"], count: int) -> list[int]:
    """The tokens with the largest scores above 0, best first."""
    best = scores.sort(descending=True, stable=True)
    return best.indices[:count][best.values[:count] > 0].tolist()


def rises(found: Scan, floor: Floor, top_k: int, tokenizer: Any, count: int) -> TokenTable:
    """The tokens that are pushed up, how far and how often in one number."""
    above = int((found.rise.mean > floor.height).sum())
    title = (
        f"Tokens pushed up: difference while among the {top_k} largest, over all positions "
        f"({above} above the permutation floor of {floor.height:.3g})"
    )
    return _means(title, "nats per position", found.rise, tokenizer, count)


def ratios(found: Scan, tokenizer: Any, count: int) -> TokenTable:
    """The tokens that are expected more often, against how often the base expects them."""
    scores = standardised(found.p, found.q)
    rows = [
        TokenScore(token=tokenizer.decode([token]), score=float(scores[token]))
        for token in leading(scores, count)
    ]
    return TokenTable(
        title="Tokens expected more often in all: log ratio of expected occurrences",
        unit="standard errors, as if occurrences were counted",
        rows=tuple(rows),
    )


def raw_orders(found: Scan, top_k: int, tokenizer: Any, count: int) -> tuple[TokenTable, ...]:
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
        for token in leading(weights, count)
    ]
    return TokenTable(
        title=f"Topic {place}: tokens that rise together, {topic.share:.0%} of what topics explain",
        unit="share of the topic",
        rows=tuple(rows),
    )


def overview(found: Scan, floor: Floor, tokenizer: Any, tokens: Sequence[int]) -> Table:
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


def _means(title: str, unit: str, means: Means, tokenizer: Any, count: int) -> TokenTable:
    mean, error = means.mean, means.standard_error
    rows = [
        TokenScore(
            token=tokenizer.decode([token]),
            score=float(mean[token]),
            spread=None if math.isnan(error[token]) else float(error[token]),
        )
        for token in leading(mean, count)
    ]
    return TokenTable(title=title, unit=unit, rows=tuple(rows))
