"""Reads prefixes for a search, and counts what that costs."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from jaxtyping import Float, Int
from torch import Tensor

from diffkit_plugins.steering_prefix.fluency import Fluency
from diffkit_plugins.steering_prefix.objective import EmbeddingGradient
from diffkit_plugins.steering_prefix.optimiser import Task

GRADIENT = 3
"""Readings that a gradient at one item counts: one forward, and twice as much backward."""


@dataclass(frozen=True)
class Tried:
    """A prefix that was read with every item, or with some."""

    ids: tuple[int, ...]
    losses: Float[Tensor, " items"]
    """On the CPU, in double precision."""
    penalty: float
    """What closeness to disliked words and poor fluency add."""

    @property
    def loss(self) -> float:
        """Mean over the items, penalties left out."""
        return float(self.losses.mean())

    @property
    def total(self) -> float:
        """What a search lowers."""
        return self.loss + self.penalty

    def on(self, items: Sequence[int]) -> float:
        """The same over some of the items that it was read with."""
        return float(self.losses[list(items)].mean()) + self.penalty


class Scorer:
    """An objective with the penalties of the options, on a budget."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self._fluency = (
            Fluency(task.objective.model, task.options.fluency) if task.options.fluency else None
        )

    @property
    def items(self) -> int:
        """How many items there are."""
        return self.task.objective.items

    @cached_property
    def per_step(self) -> int:
        """Items that the prefixes of a step are read with."""
        return min(self.task.options.items_per_step, self.items)

    def affords(self, readings: int) -> bool:
        """Whether the budget is good for so many."""
        return readings <= self.task.budget.left

    def some(self, chance: torch.Generator) -> list[int]:
        """The items of a step, drawn without replacement; they are in no order."""
        drawn: list[int] = torch.randperm(self.items, generator=chance)[: self.per_step].tolist()
        return drawn

    def losses(
        self,
        prefixes: Int[Tensor, "tried length"],
        items: Sequence[int],
        near: Int[Tensor, " length"] | None = None,
    ) -> Float[Tensor, "tried items"]:
        """Losses without penalties, on the CPU and in double precision."""
        self.task.budget.spent += len(prefixes) * len(items)
        return self.task.objective.losses(prefixes, items, near=near).double().cpu()

    def penalties(self, prefixes: Int[Tensor, "tried length"]) -> Float[Tensor, " tried"]:
        """What is added to the loss of each."""
        penalties = self.task.space.penalty(prefixes)
        if self._fluency is not None:
            self.task.budget.spent += len(prefixes)
            parts = torch.split(prefixes, self.task.options.batch_size)
            penalties = penalties + torch.cat([self._fluency.penalties(part) for part in parts])
        return penalties.double().cpu()

    def gradient(
        self, embeddings: Float[Tensor, "length hidden"], items: Sequence[int]
    ) -> EmbeddingGradient:
        """The mean loss on some items and its gradient, penalties left out."""
        self.task.budget.spent += GRADIENT * len(items)
        return self.task.objective.gradient(embeddings, items)

    def promises(self, ids: Int[Tensor, " length"]) -> Float[Tensor, "length vocabulary"] | None:
        """What each token promises to take off the penalties; none where there are none."""
        space, promised = self.task.space, None
        if space.disliked is not None:
            each = space.disliked.of_tokens(space.embeddings) / len(ids)
            promised = each[ids][:, None] - each
        if self._fluency is not None:
            self.task.budget.spent += 1
            fluent = self._fluency.promises(ids)
            promised = fluent if promised is None else promised + fluent
        return promised

    def completed(self, tried: Tried, items: Sequence[int]) -> Tried:
        """What was read with some items, read with the others too."""
        rest = sorted(set(range(self.items)) - set(items))
        whole = tried.losses.new_zeros(self.items)
        whole[list(items)] = tried.losses
        if rest:
            whole[rest] = self.losses(self.tensor(tried.ids)[None], rest)[0]
        return replace(tried, losses=whole)

    def wholes(self, prefixes: Int[Tensor, "tried length"]) -> list[Tried]:
        """Prefixes read with every item."""
        losses = self.losses(prefixes, range(self.items))
        penalties = self.penalties(prefixes)
        return [
            Tried(tuple(ids), row, float(penalty))
            for ids, row, penalty in zip(prefixes.tolist(), losses, penalties, strict=True)
        ]

    def tensor(self, ids: Sequence[int]) -> Int[Tensor, " length"]:
        """Token ids on the model's device."""
        return torch.tensor(ids, dtype=torch.long, device=self.task.objective.model.device)
