"""What is read between two held-out evaluations, and what these give."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from diffkit_plugins.soft_prompt_kl.chance import chance
from diffkit_plugins.soft_prompt_kl.completing import complete
from diffkit_plugins.soft_prompt_kl.passages import Passage
from diffkit_plugins.soft_prompt_kl.problem import Problem

_CONTEXTS = 200_000
"""More than there are contexts: keeps the draws of different rounds apart."""


@dataclass(frozen=True)
class Round:
    """Passages drawn under one prompt, in pools that take turns."""

    training: tuple[tuple[Passage, ...], ...]
    held_out: tuple[tuple[Passage, ...], ...]


def draw(problem: Problem, prompt: Float[Tensor, "length hidden"], key: int) -> Round:
    """Completions under the prompt, and the texts, as far as either is trained on.

    Held-out contexts meet the same draws in each round, so that rounds can be compared; those of
    training meet new ones.

    Args:
        problem: both sides, and where passages come from.
        prompt: the soft prompt.
        key: of the round, from 0; no two rounds of a run share one.
    """
    data = problem.data
    training, held_out = [data.texts], [data.held_out_texts]
    if problem.config.source != "texts":
        said = _said(problem, prompt, key)
        training.insert(0, said[: len(data.training)])
        held_out.insert(0, said[len(data.training) :])
    return Round(*(tuple(map(_counting, pools)) for pools in (training, held_out)))


def _said(
    problem: Problem, prompt: Float[Tensor, "length hidden"], key: int
) -> tuple[Passage, ...]:
    data, pair = problem.data, problem.pair
    fresh = [_CONTEXTS * (1 + key) + context.number for context in data.training]
    return complete(
        pair.finetuned,
        prompt,
        (*data.training, *data.held_out),
        problem.config,
        problem.seed,
        pair.vocabulary,
        numbers=[*fresh, *(context.number for context in data.held_out)],
    )


def _counting(pool: Sequence[Passage]) -> tuple[Passage, ...]:
    return tuple(one for one in pool if len(one.ids) > one.start)


def batches(
    pools: Sequence[Sequence[Passage]], size: int, *key: str | int
) -> Iterator[list[Passage]]:
    """Batches without end: of each pool in turn, in a new order whenever it has been read.

    Args:
        pools: empty ones are passed over; where all are, batches are empty.
        size: passages of a batch at most.
        key: where the orders come from.
    """
    drawn = [
        _batches(pool, size, chance(*key, number)) for number, pool in enumerate(pools) if pool
    ]
    while True:
        for each in drawn:
            yield next(each)
        if not drawn:
            yield []


def _batches(
    pool: Sequence[Passage], size: int, drawing: torch.Generator
) -> Iterator[list[Passage]]:
    while True:
        order = torch.randperm(len(pool), generator=drawing).tolist()
        for start in range(0, len(order), size):
            yield [pool[place] for place in order[start : start + size]]
