"""Optimisers that begin with a soft prompt, and improve its nearest tokens by HotFlip.

Takes a `SearchTask`. Trains embeddings, projects them to tokens, and starts HotFlip there.
"""

from dataclasses import dataclass, field, replace

import torch
from jaxtyping import Float, Int
from torch import Tensor

from diffkit_plugins.steering_prefix.optimisers.hotflip import flip_step
from diffkit_plugins.steering_prefix.search.local_search import LocalSearch
from diffkit_plugins.steering_prefix.search.optimiser import (
    PrefixOptimiser,
    SearchResult,
    SearchTask,
    TracePoint,
)
from diffkit_plugins.steering_prefix.search.proposals import sample_prefixes
from diffkit_plugins.steering_prefix.search.scorer import GRADIENT_COST, BestPrefix, PrefixScorer
from diffkit_plugins.steering_prefix.search.token_space import TokenSpace


@dataclass
class SoftPrefix:
    """Embeddings that Adam trains from those of a random prefix.

    The learning rate is in standard deviations of the vocabulary's embeddings, since the size of
    Adam's steps does not follow that of the gradient.
    """

    scorer: PrefixScorer
    generator: torch.Generator
    embeddings: Float[Tensor, "length hidden"] = field(init=False)
    """The trained embeddings."""
    trace: list[TracePoint] = field(init=False, default_factory=list)
    """The loss in each step, on the items of the step."""

    def __post_init__(self) -> None:
        space, options = self.scorer.task.space, self.scorer.task.options
        (start,) = sample_prefixes(space, options.length, 1, self.generator)
        self.embeddings = space.embeddings[start].clone().requires_grad_()
        rate = options.soft_rate * float(space.embeddings[space.allowed].std())
        self._adam = torch.optim.Adam([self.embeddings], lr=rate)

    @property
    def steps(self) -> int:
        """Steps of training: those of the options, within half of the remaining budget.

        The rest suffices to score the soft prompt and its tokens on all items.
        """
        remaining, options = self.scorer.task.budget.remaining, self.scorer.task.options
        final = (GRADIENT_COST + 1) * self.scorer.items + 1
        available = min(remaining // 2, max(remaining - final, 0))
        return min(options.soft_steps, available // (GRADIENT_COST * self.scorer.per_step))

    def step(self, at: Float[Tensor, "length hidden"] | None = None) -> float:
        """Takes one step on some items, and returns the loss there, penalties left out.

        Args:
            at: embeddings at which the gradient is computed; none for those of the soft prompt.
        """
        here = self.embeddings.detach() if at is None else at
        read = self.scorer.gradient(here, self.scorer.sample_items(self.generator))
        self.embeddings.grad = read.gradient.to(here) + self._penalty_gradient(here)
        self._adam.step()
        if at is None:
            self.trace.append(TracePoint(self.scorer.task.budget.spent, read.loss))
        return read.loss

    def loss(self) -> float:
        """The mean loss over all items, penalties left out."""
        return self.scorer.gradient(self.embeddings.detach(), range(self.scorer.items)).loss

    def _penalty_gradient(
        self, here: Float[Tensor, "length hidden"]
    ) -> Float[Tensor, "length hidden"]:
        leaf = here.detach().clone().requires_grad_()
        with torch.enable_grad():
            penalty = self.scorer.task.space.penalty_at(leaf)
        if not penalty.requires_grad:
            return torch.zeros_like(here)
        (gradient,) = torch.autograd.grad(penalty, leaf)
        return gradient


_NEAREST = 8
"""Nearest tokens of a position that are tried in place of the nearest one."""


def nearest_tokens(
    space: TokenSpace, embeddings: Float[Tensor, "length hidden"]
) -> Int[Tensor, " length"]:
    """The allowed token with the greatest cosine at each position; it need not round-trip."""
    return _cosines(space, embeddings).argmax(dim=1)


def nearest_round_trip(
    space: TokenSpace, embeddings: Float[Tensor, "length hidden"]
) -> Int[Tensor, " length"] | None:
    """The nearest tokens if they survive a round trip; else with one of them replaced.

    The replacement is the one with the least loss of cosine; none if no replacement suffices.
    """
    cosines = _cosines(space, embeddings)
    top = cosines.topk(min(_NEAREST, space.size), dim=1)
    first, ranks = top.indices[:, 0], top.values.shape[1]
    cost = (top.values[:, :1] - top.values)[:, 1:].flatten()
    order = cost.argsort(stable=True)
    positions = torch.div(order, max(ranks - 1, 1), rounding_mode="floor")
    changed = first.repeat(len(order), 1)
    changed[torch.arange(len(order)), positions] = top.indices[:, 1:].flatten()[order]
    prefixes = torch.cat([first[None], changed])
    kept = prefixes[space.accepts(prefixes)]
    return kept[0] if len(kept) else None


def _cosines(
    space: TokenSpace, embeddings: Float[Tensor, "length hidden"]
) -> Float[Tensor, "length vocabulary"]:
    unit = torch.nn.functional.normalize
    cosines = unit(embeddings, dim=1) @ unit(space.embeddings, dim=1).T
    return cosines.masked_fill(~space.allowed, -torch.inf)


def refine_with_hotflip(
    task: SearchTask, soft: SoftPrefix, tokens: Int[Tensor, " length"] | None
) -> SearchResult:
    """Spends the rest of the budget on HotFlip, starting at the tokens of a soft prompt.

    Args:
        task: the search; no checkpoint of it is saved.
        soft: the trained soft prompt.
        tokens: its tokens; none starts HotFlip at a random prefix.
    """
    stages = [("soft", soft.loss())]
    record, given = BestPrefix(task), None
    if tokens is not None:
        given = soft.scorer.score(tokens[None])
        record.update(given[0])
        stages.append(("projected", given[0].loss))
    search = LocalSearch(replace(task, save_checkpoint=lambda _: None), given=given, record=record)
    while flip_step(search):
        pass
    stages.append(("HotFlip", search.record.best.loss))
    return replace(
        search.result(),
        soft=soft.embeddings.detach().cpu(),
        stages=tuple(stages),
        soft_trace=tuple(soft.trace),
        projected=None if tokens is None else tuple(tokens.tolist()),
    )


class SoftProjection(PrefixOptimiser):
    """Trains a soft prompt, projects it to tokens once, and improves these by HotFlip.

    The soft prompt takes at most half of the budget. An interrupted search starts again.
    """

    def search(self, task: SearchTask) -> SearchResult:
        """Searches until the budget allows no further step."""
        soft = SoftPrefix(PrefixScorer(task), torch.Generator().manual_seed(task.seed))
        for _ in range(soft.steps):
            task.status(f"soft prompt {soft.step():.3g} {task.objective.unit}")
        return refine_with_hotflip(
            task, soft, nearest_round_trip(task.space, soft.embeddings.detach())
        )


class SoftInLoop(PrefixOptimiser):
    """Projects the soft prompt to tokens in every step of its training (PEZ, arXiv 2302.03668).

    The loss in every step is that of the tokens. HotFlip starts at the tokens with the least loss
    on the items of their step.
    """

    def search(self, task: SearchTask) -> SearchResult:
        """Searches until the budget allows no further step."""
        soft = SoftPrefix(PrefixScorer(task), torch.Generator().manual_seed(task.seed))
        tokens, best = nearest_round_trip(task.space, soft.embeddings.detach()), float("inf")
        for _ in range(soft.steps):
            ids = nearest_tokens(task.space, soft.embeddings.detach())
            loss = soft.step(at=task.space.embeddings[ids])
            task.status(f"projected {loss:.3g} {task.objective.unit}")
            if loss < best and bool(task.space.accepts(ids[None])):
                tokens, best = ids, loss
        return refine_with_hotflip(task, soft, tokens)
