"""What is read between two held-out evaluations: completions drawn anew, and texts.

Takes the current prompt. Gives the passages of a round and batches of them, in an order that
depends on a key alone.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from diffkit_plugins.soft_prompt_kl.data import Passage
from diffkit_plugins.soft_prompt_kl.generation import complete
from diffkit_plugins.soft_prompt_kl.training.objective import PromptTask


def seeded_generator(*key: str | int) -> torch.Generator:
    """A generator that is seeded by a key, such as a run's seed, a use's name and a step."""
    digest = hashlib.sha256(":".join(map(str, key)).encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "little") >> 1)


_CONTEXTS = 200_000
"""More than there are contexts: keeps the draws of different rounds apart."""


@dataclass(frozen=True)
class Round:
    """Passages drawn under one prompt, in pools that take turns."""

    training: tuple[tuple[Passage, ...], ...]
    held_out: tuple[tuple[Passage, ...], ...]


def draw_round(task: PromptTask, prompt: Float[Tensor, "length hidden"], key: int) -> Round:
    """Completions under the prompt, and the texts, as far as either is trained on.

    Held-out contexts meet the same draws in each round, so that rounds can be compared; those of
    training meet new ones.

    Args:
        task: both sides, and where passages come from.
        prompt: the soft prompt.
        key: of the round, from 0; no two rounds of a run share one.
    """
    data = task.data
    training, held_out = [data.texts], [data.held_out_texts]
    if task.config.source != "texts":
        completions = _completions(task, prompt, key)
        training.insert(0, completions[: len(data.training)])
        held_out.insert(0, completions[len(data.training) :])
    return Round(*(tuple(map(_counting, pools)) for pools in (training, held_out)))


def _completions(
    task: PromptTask, prompt: Float[Tensor, "length hidden"], key: int
) -> tuple[Passage, ...]:
    data, pair = task.data, task.pair
    fresh = [_CONTEXTS * (1 + key) + context.number for context in data.training]
    return complete(
        pair.finetuned,
        prompt,
        (*data.training, *data.held_out),
        task.config,
        task.seed,
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
        _batches(pool, size, seeded_generator(*key, number))
        for number, pool in enumerate(pools)
        if pool
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
