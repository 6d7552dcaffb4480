"""Losses and penalties of prefixes within a budget, and the best prefix so far.

Takes a `SearchTask` and prefixes. Gives their losses, gradients and penalties, and counts what
they cost.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from jaxtyping import Float, Int
from torch import Tensor

from diffkit import Inputs, Model
from diffkit_plugins.steering_prefix.objectives.base import EmbeddingGradient
from diffkit_plugins.steering_prefix.search.optimiser import SearchResult, SearchTask, TracePoint


@dataclass(frozen=True)
class FluencyPenalty:
    """Weight times the mean negative log-likelihood of a prefix's tokens, in nats per token.

    The prefix is read by itself: after the tokeniser's first token where it has one; otherwise
    its first token, which nothing predicts, does not count.
    """

    model: Model
    weight: float

    @torch.no_grad()
    def penalties(self, prefixes: Int[Tensor, "tried length"]) -> Float[Tensor, " tried"]:
        """The penalty of each prefix; 0 where none of its tokens counts."""
        predicted = self._log_p(prefixes)
        counted = prefixes[:, prefixes.shape[1] - predicted.shape[1] :]
        if not counted.shape[1]:
            return torch.zeros(len(prefixes), device=prefixes.device)
        return -self.weight * predicted.gather(2, counted[..., None]).squeeze(2).mean(dim=1)

    @torch.no_grad()
    def promises(self, ids: Int[Tensor, " length"]) -> Float[Tensor, "length vocabulary"]:
        """What each token at each position would take off by its own likelihood.

        How it changes the likelihood of those after it is left out.
        """
        predicted = self._log_p(ids[None])[0]
        gained = ids.new_zeros(len(ids), self.model.vocabulary, dtype=predicted.dtype)
        if len(predicted):
            first = len(ids) - len(predicted)
            here = predicted.gather(1, ids[first:, None])
            gained[first:] = (predicted - here) * self.weight / len(predicted)
        return gained

    def _log_p(
        self, prefixes: Int[Tensor, "tried length"]
    ) -> Float[Tensor, "tried counted vocabulary"]:
        start = self.model.tokenizer.bos_token_id
        rows = prefixes
        if start is not None:
            rows = torch.cat([prefixes.new_full((len(prefixes), 1), start), prefixes], dim=1)
        if rows.shape[1] < 2:
            return torch.zeros(len(rows), 0, self.model.vocabulary, device=rows.device)
        inputs = Inputs(torch.ones_like(rows, dtype=torch.bool), ids=rows)
        logits = self.model.logits(inputs, slice(0, rows.shape[1] - 1))
        return logits[..., : self.model.vocabulary].float().log_softmax(dim=-1)


GRADIENT_COST = 3
"""Readings that a gradient at one item counts: one forward, and twice as much backward."""


@dataclass(frozen=True)
class ScoredPrefix:
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


class PrefixScorer:
    """An objective with the penalties of the options, on a budget."""

    def __init__(self, task: SearchTask) -> None:
        self.task = task
        self._fluency = (
            FluencyPenalty(task.objective.model, task.options.fluency)
            if task.options.fluency
            else None
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
        self.task.budget.spent += GRADIENT_COST * len(items)
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

    def completed(self, tried: ScoredPrefix, items: Sequence[int]) -> ScoredPrefix:
        """What was read with some items, read with the others too."""
        rest = sorted(set(range(self.items)) - set(items))
        whole = tried.losses.new_zeros(self.items)
        whole[list(items)] = tried.losses
        if rest:
            whole[rest] = self.losses(self.tensor(tried.ids)[None], rest)[0]
        return replace(tried, losses=whole)

    def wholes(self, prefixes: Int[Tensor, "tried length"]) -> list[ScoredPrefix]:
        """Prefixes read with every item."""
        losses = self.losses(prefixes, range(self.items))
        penalties = self.penalties(prefixes)
        return [
            ScoredPrefix(tuple(ids), row, float(penalty))
            for ids, row, penalty in zip(prefixes.tolist(), losses, penalties, strict=True)
        ]

    def tensor(self, ids: Sequence[int]) -> Int[Tensor, " length"]:
        """Token ids on the model's device."""
        return torch.tensor(ids, dtype=torch.long, device=self.task.objective.model.device)


class BestPrefix:
    """What a search has found so far; the best never gets worse."""

    def __init__(self, task: SearchTask) -> None:
        self._task = task
        self._best: ScoredPrefix | None = None
        self.trail: list[TracePoint] = []

    @property
    def best(self) -> ScoredPrefix:
        """The best prefix; at least one was offered."""
        if self._best is None:
            msg = "no prefix was read"
            raise ValueError(msg)
        return self._best

    def go_on(self, best: ScoredPrefix, trail: list[TracePoint]) -> None:
        """Takes up what an earlier process found."""
        self._best, self.trail = best, trail

    def offer(self, tried: ScoredPrefix) -> None:
        """Takes a prefix if it is the best so far."""
        if self._best is None or tried.total < self._best.total:
            self._best = tried

    def note(self) -> None:
        """Ends a step: how things stand, for the curve and the user."""
        best = self.best
        self.trail.append(TracePoint(self._task.budget.spent, best.loss, best.penalty))
        self._task.status(f"best {best.total:.3g} {self._task.objective.unit}")

    def found(self) -> SearchResult:
        """The best prefix."""
        best = self.best
        return SearchResult(best.ids, best.loss, tuple(self.trail), penalty=best.penalty)
