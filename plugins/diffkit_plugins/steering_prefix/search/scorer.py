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
from diffkit.analysis import common_log_probabilities
from diffkit_plugins.steering_prefix.objectives.base import EmbeddingGradient
from diffkit_plugins.steering_prefix.search.optimiser import SearchResult, SearchTask, TracePoint


@dataclass(frozen=True)
class FluencyPenalty:
    """Weight times the mean negative log-likelihood of a prefix's tokens, in nats per token.

    The prefix is read alone, at the start of a document. Where nothing is before a document, the
    prefix's own first token has no prediction and does not count.
    """

    model: Model
    weight: float

    @torch.no_grad()
    def penalties(self, prefixes: Int[Tensor, "prefixes length"]) -> Float[Tensor, " prefixes"]:
        """The penalty of each prefix; 0 if none of its tokens counts."""
        predicted = self._log_p(prefixes)
        counted = prefixes[:, prefixes.shape[1] - predicted.shape[1] :]
        if not counted.shape[1]:
            return torch.zeros(len(prefixes), device=prefixes.device)
        return -self.weight * predicted.gather(2, counted[..., None]).squeeze(2).mean(dim=1)

    @torch.no_grad()
    def gains(self, ids: Int[Tensor, " length"]) -> Float[Tensor, "length vocabulary"]:
        """How much each token at each position would reduce the penalty by its own likelihood.

        The change in the likelihood of later tokens is ignored.
        """
        predicted = self._log_p(ids[None])[0]
        gained = ids.new_zeros(len(ids), self.model.vocabulary, dtype=predicted.dtype)
        if len(predicted):
            first = len(ids) - len(predicted)
            here = predicted.gather(1, ids[first:, None])
            gained[first:] = (predicted - here) * self.weight / len(predicted)
        return gained

    def _log_p(
        self, prefixes: Int[Tensor, "prefixes length"]
    ) -> Float[Tensor, "prefixes counted vocabulary"]:
        start = self.model.document_start
        rows = prefixes
        if start is not None:
            rows = torch.cat([prefixes.new_full((len(prefixes), 1), start), prefixes], dim=1)
        if rows.shape[1] < 2:
            return torch.zeros(len(rows), 0, self.model.vocabulary, device=rows.device)
        inputs = Inputs(torch.ones_like(rows, dtype=torch.bool), ids=rows)
        logits = self.model.logits(inputs, slice(0, rows.shape[1] - 1))
        return common_log_probabilities(logits, self.model.vocabulary)


GRADIENT_COST = 3
"""Readings that a gradient at one item costs: a forward pass, and a backward pass of two."""


@dataclass(frozen=True)
class ScoredPrefix:
    """A prefix with its losses on all items, or on some."""

    ids: tuple[int, ...]
    losses: Float[Tensor, " items"]
    """On the CPU, in double precision."""
    penalty: float
    """For closeness to disliked words and for low fluency."""

    @property
    def loss(self) -> float:
        """Mean over the items, penalties left out."""
        return float(self.losses.mean())

    @property
    def total(self) -> float:
        """Loss and penalty, which a search minimises."""
        return self.loss + self.penalty

    def total_on(self, items: Sequence[int]) -> float:
        """The same over some of the items."""
        return float(self.losses[list(items)].mean()) + self.penalty


class PrefixScorer:
    """Computes losses and penalties of prefixes, and takes their cost from the budget."""

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
        """Items that the prefixes of a step are scored on."""
        return min(self.task.options.items_per_step, self.items)

    def affords(self, readings: int) -> bool:
        """Whether the budget has so many readings left."""
        return readings <= self.task.budget.remaining

    def sample_items(self, generator: torch.Generator) -> list[int]:
        """Draws the items of a step, without replacement and in random order."""
        drawn: list[int] = torch.randperm(self.items, generator=generator)[: self.per_step].tolist()
        return drawn

    def losses(
        self,
        prefixes: Int[Tensor, "prefixes length"],
        items: Sequence[int],
        parent: Int[Tensor, " length"] | None = None,
    ) -> Float[Tensor, "prefixes items"]:
        """Losses without penalties, on the CPU and in double precision."""
        self.task.budget.spent += len(prefixes) * len(items)
        return self.task.objective.losses(prefixes, items, parent=parent).double().cpu()

    def penalties(self, prefixes: Int[Tensor, "prefixes length"]) -> Float[Tensor, " prefixes"]:
        """The penalty of each prefix."""
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

    def penalty_gains(
        self, ids: Int[Tensor, " length"]
    ) -> Float[Tensor, "length vocabulary"] | None:
        """How much each token would reduce the penalties; none if no option penalises."""
        space, gains = self.task.space, None
        if space.disliked is not None:
            each = space.disliked.per_token(space.embeddings) / len(ids)
            gains = each[ids][:, None] - each
        if self._fluency is not None:
            self.task.budget.spent += 1
            fluent = self._fluency.gains(ids)
            gains = fluent if gains is None else gains + fluent
        return gains

    def complete(self, scored: ScoredPrefix, items: Sequence[int]) -> ScoredPrefix:
        """Computes the losses on the other items too."""
        rest = sorted(set(range(self.items)) - set(items))
        losses = scored.losses.new_zeros(self.items)
        losses[list(items)] = scored.losses
        if rest:
            losses[rest] = self.losses(self.tensor(scored.ids)[None], rest)[0]
        return replace(scored, losses=losses)

    def score(self, prefixes: Int[Tensor, "prefixes length"]) -> list[ScoredPrefix]:
        """Scores prefixes on all items."""
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
    """The best prefix so far, and the trace of its loss."""

    def __init__(self, task: SearchTask) -> None:
        self._task = task
        self._best: ScoredPrefix | None = None
        self.trace: list[TracePoint] = []

    @property
    def best(self) -> ScoredPrefix:
        """The best prefix.

        Raises:
            ValueError: no prefix was scored yet.
        """
        if self._best is None:
            msg = "no prefix was read"
            raise ValueError(msg)
        return self._best

    def restore(self, best: ScoredPrefix, trace: list[TracePoint]) -> None:
        """Restores the state that an earlier process saved."""
        self._best, self.trace = best, trace

    def update(self, scored: ScoredPrefix) -> None:
        """Keeps a prefix if it is the best so far."""
        if self._best is None or scored.total < self._best.total:
            self._best = scored

    def log_step(self) -> None:
        """Ends a step: adds a point to the trace, and reports the best loss to the user."""
        best = self.best
        self.trace.append(TracePoint(self._task.budget.spent, best.loss, best.penalty))
        self._task.status(f"best {best.total:.3g} {self._task.objective.unit}")

    def result(self) -> SearchResult:
        """The best prefix with its trace."""
        best = self.best
        return SearchResult(best.ids, best.loss, tuple(self.trace), penalty=best.penalty)
