"""Reaches targets with prompts of real tokens."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from diffkit_plugins.residual_reachability.solvers.objective import ResidualMap, ResidualTargets


@dataclass(frozen=True)
class TokenSwapResult:
    """The best token prompt found for each row."""

    ids: Int[Tensor, "rows length"]
    losses: Float[Tensor, "tries rows"]
    """Mean squared error of the best prompt so far: of the start first, then after each step."""
    errors: Float[Tensor, " rows"]
    """Relative error ‖h − t‖/‖t‖ of ``ids``."""


def token_swap_search(
    trunk: ResidualMap,
    embeddings: Float[Tensor, "vocabulary hidden"],
    targets: Float[Tensor, "rows length hidden"],
    starts: Int[Tensor, "rows length"],
    *,
    steps: int,
    seed: int,
    candidates: int = 64,
    nearest: int = 32,
    positions: Bool[Tensor, "rows length"] | None = None,
    batch_size: int = 128,
) -> TokenSwapResult:
    """Swaps one token of each row at a time for one that comes nearer to the row's target.

    The gradient at the embeddings ranks the swaps at each position by what they change to first
    order (Ebrahimi and others 2018); some of the best are drawn, tried, and the best one is made
    if it is better (greedy coordinate gradient, Zou and others 2023).

    Args:
        trunk: the map from prompts to streams.
        embeddings: the input embeddings of the tokens that may be used.
        targets: what is to be reached.
        starts: the first prompts.
        steps: swaps tried one after the other.
        seed: seed of the draws, which are the same for each row: no row depends on the others.
        candidates: swaps tried in each step.
        nearest: the tokens at each position that are drawn from.
        positions: where targets are to be reached; none: everywhere.
        batch_size: rows and their candidates at a time; memory is proportional to it.
    """
    goal = ResidualTargets.of(targets, positions)
    ids, losses = starts.clone(), targets.new_zeros(steps + 1, len(starts))
    for row in range(len(starts)):
        chance = torch.Generator().manual_seed(seed)
        alone = goal.rows(slice(row, row + 1))
        search = _Search(trunk, embeddings, alone, batch_size)
        losses[0, row] = search.losses(ids[row, None])[0]
        for step in range(steps):
            tried = _draw_swaps(search.promises(ids[row]), ids[row], candidates, nearest, chance)
            found = search.losses(tried)
            if found.min() < losses[step, row]:
                ids[row] = tried[found.argmin()]
            losses[step + 1, row] = torch.minimum(found.min(), losses[step, row])
    return TokenSwapResult(ids, losses, goal.errors(losses[-1]))


@dataclass(frozen=True)
class _Search:
    """One row's target and what it takes to try prompts for it."""

    trunk: ResidualMap
    embeddings: Float[Tensor, "vocabulary hidden"]
    goal: ResidualTargets
    batch_size: int

    @torch.no_grad()
    def losses(self, ids: Int[Tensor, "tried length"]) -> Float[Tensor, " tried"]:
        """Mean squared errors of prompts."""
        return torch.cat(
            [
                self.goal.losses(self.trunk(self.embeddings[part]))
                for part in torch.split(ids, self.batch_size)
            ]
        )

    def promises(self, ids: Int[Tensor, " length"]) -> Float[Tensor, "length vocabulary"]:
        """What each swap would take off the loss, to first order and up to a constant."""
        leaf = self.embeddings[ids][None].requires_grad_()
        with torch.enable_grad():
            loss = self.goal.losses(self.trunk(leaf)).sum()
        (gradient,) = torch.autograd.grad(loss, leaf)
        return -gradient[0] @ self.embeddings.T


def _draw_swaps(
    promises: Float[Tensor, "length vocabulary"],
    ids: Int[Tensor, " length"],
    count: int,
    nearest: int,
    chance: torch.Generator,
) -> Int[Tensor, "count length"]:
    """Prompts that differ from ``ids`` in one place each, drawn among the most promising."""
    length, vocabulary = promises.shape
    best = promises.topk(min(nearest, vocabulary), dim=1).indices
    places = torch.randint(length, (count,), generator=chance).to(ids.device)
    ranks = torch.randint(best.shape[1], (count,), generator=chance).to(ids.device)
    tried = ids.repeat(count, 1)
    tried[torch.arange(count, device=ids.device), places] = best[places, ranks]
    return tried
