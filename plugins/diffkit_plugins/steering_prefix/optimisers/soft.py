"""Optimisers that begin with a soft prompt: its nearest tokens, improved by HotFlip.

Takes a `SearchTask`. Trains embeddings, projects them to tokens, and gives the prefix that HotFlip
makes of them.
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
    """Embeddings trained by Adam, from those of a random prefix.

    The rate is in standard deviations of the vocabulary's embeddings, since Adam's steps are
    absolute.
    """

    scorer: PrefixScorer
    chance: torch.Generator
    embeddings: Float[Tensor, "length hidden"] = field(init=False)
    """As trained so far."""
    trail: list[TracePoint] = field(init=False, default_factory=list)
    """Its loss in each step, on the step's own items."""

    def __post_init__(self) -> None:
        space, options = self.scorer.task.space, self.scorer.task.options
        (start,) = sample_prefixes(space, options.length, 1, self.chance)
        self.embeddings = space.embeddings[start].clone().requires_grad_()
        rate = options.soft_rate * float(space.embeddings[space.allowed].std())
        self._adam = torch.optim.Adam([self.embeddings], lr=rate)

    @property
    def steps(self) -> int:
        """Steps that it gets: those of the options, within half of what is left of the budget.

        It and its tokens can still be read with every item afterwards.
        """
        left, options = self.scorer.task.budget.left, self.scorer.task.options
        read = (GRADIENT_COST + 1) * self.scorer.items + 1
        afforded = min(left // 2, max(left - read, 0)) // (GRADIENT_COST * self.scorer.per_step)
        return min(options.soft_steps, afforded)

    def step(self, at: Float[Tensor, "length hidden"] | None = None) -> float:
        """One step on some items; the loss there, penalties left out.

        Args:
            at: embeddings at which the gradient is taken; none takes it at the soft prompt's own.
        """
        here = self.embeddings.detach() if at is None else at
        read = self.scorer.gradient(here, self.scorer.some(self.chance))
        self.embeddings.grad = read.gradient.to(here) + self._penalty_gradient(here)
        self._adam.step()
        if at is None:
            self.trail.append(TracePoint(self.scorer.task.budget.spent, read.loss))
        return read.loss

    def loss(self) -> float:
        """The mean over all items, penalties left out."""
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
"""Nearest tokens of a position among which one is looked for where the nearest do not do."""


def nearest_tokens(
    space: TokenSpace, embeddings: Float[Tensor, "length hidden"]
) -> Int[Tensor, " length"]:
    """The allowed token with the greatest cosine at each position, whether it reads back or not."""
    return _cosines(space, embeddings).argmax(dim=1)


def nearest_round_trip(
    space: TokenSpace, embeddings: Float[Tensor, "length hidden"]
) -> Int[Tensor, " length"] | None:
    """The same where it reads back; else with one token changed for a near one, at least cost.

    None where no such change does.
    """
    cosines = _cosines(space, embeddings)
    top = cosines.topk(min(_NEAREST, space.size), dim=1)
    first, ranks = top.indices[:, 0], top.values.shape[1]
    cost = (top.values[:, :1] - top.values)[:, 1:].flatten()
    order = cost.argsort(stable=True)
    places = torch.div(order, max(ranks - 1, 1), rounding_mode="floor")
    changed = first.repeat(len(order), 1)
    changed[torch.arange(len(order)), places] = top.indices[:, 1:].flatten()[order]
    tried = torch.cat([first[None], changed])
    kept = tried[space.keeps(tried)]
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
    """Spends the rest of the budget on HotFlip, from the soft prompt's tokens.

    Args:
        task: the search, which is not saved from here on either.
        soft: as trained.
        tokens: its tokens; none where none near it read back: HotFlip then begins at random.
    """
    stages = [("soft", soft.loss())]
    record, given = BestPrefix(task), None
    if tokens is not None:
        given = soft.scorer.wholes(tokens[None])
        record.offer(given[0])
        stages.append(("projected", given[0].loss))
    walk = LocalSearch(replace(task, keep=lambda _: None), given=given, record=record)
    while flip_step(walk):
        pass
    stages.append(("HotFlip", walk.record.best.loss))
    return replace(
        walk.found(),
        soft=soft.embeddings.detach().cpu(),
        stages=tuple(stages),
        soft_trail=tuple(soft.trail),
        projected=None if tokens is None else tuple(tokens.tolist()),
    )


class SoftProjection(PrefixOptimiser):
    """The coarse knob and the fine one: a soft prompt finds where to go, HotFlip finds tokens.

    At most half of the budget goes into the soft prompt. An interrupted search begins again.
    """

    def search(self, task: SearchTask) -> SearchResult:
        """Searches until no step can be paid for."""
        soft = SoftPrefix(PrefixScorer(task), torch.Generator().manual_seed(task.seed))
        for _ in range(soft.steps):
            task.status(f"soft prompt {soft.step():.3g} {task.objective.unit}")
        return refine_with_hotflip(
            task, soft, nearest_round_trip(task.space, soft.embeddings.detach())
        )


class SoftInLoop(PrefixOptimiser):
    """As soft-projection, with the projection kept in the loop (PEZ, arXiv 2302.03668).

    The loss is that of tokens in every step; the tokens with the least one, on the items of their
    step, are what HotFlip begins with.
    """

    def search(self, task: SearchTask) -> SearchResult:
        """Searches until no step can be paid for."""
        soft = SoftPrefix(PrefixScorer(task), torch.Generator().manual_seed(task.seed))
        best, tokens = float("inf"), nearest_round_trip(task.space, soft.embeddings.detach())
        for _ in range(soft.steps):
            ids = nearest_tokens(task.space, soft.embeddings.detach())
            loss = soft.step(at=task.space.embeddings[ids])
            task.status(f"projected {loss:.3g} {task.objective.unit}")
            if loss < best and bool(task.space.keeps(ids[None])):
                best, tokens = loss, ids
        return refine_with_hotflip(task, soft, tokens)
