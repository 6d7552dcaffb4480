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
    losses: Float[Tensor, "evaluations rows"]
    """Mean squared error of the best prompt so far, at the start and after each step."""
    errors: Float[Tensor, " rows"]
    """Relative error ‖h − t‖/‖t‖ of ``ids``."""


def token_swap_search(
    residual_map: ResidualMap,
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
    """Replaces one token of each row at a time (greedy coordinate gradient; Zou and others 2023).

    The gradient at the embeddings ranks the replacements at each position by their first-order
    effect (Ebrahimi and others 2018). Some of the best are drawn and evaluated, and the best of
    these is made if it lowers the loss.

    Args:
        residual_map: the map from prompts to streams.
        embeddings: input embeddings of the tokens that may be used.
        targets: the streams to reach.
        starts: the first prompts.
        steps: number of steps, each of at most one replacement.
        seed: seed of the draws, which are the same for all rows: rows are independent.
        candidates: replacements that are evaluated in each step.
        nearest: number of best tokens at each position from which candidates are drawn.
        positions: positions where the targets apply; None: everywhere.
        batch_size: prompts that are evaluated together; memory is proportional to it.
    """
    every = ResidualTargets.of(targets, positions)
    ids, losses = starts.clone(), targets.new_zeros(steps + 1, len(starts))
    for row in range(len(starts)):
        generator = torch.Generator().manual_seed(seed)
        own = every.rows(slice(row, row + 1))
        search = _RowSearch(residual_map, embeddings, own, batch_size)
        losses[0, row] = search.losses(ids[row, None])[0]
        for step in range(steps):
            gains = search.first_order_gains(ids[row])
            tried = _draw_swaps(gains, ids[row], candidates, nearest, generator)
            evaluated = search.losses(tried)
            if evaluated.min() < losses[step, row]:
                ids[row] = tried[evaluated.argmin()]
            losses[step + 1, row] = torch.minimum(evaluated.min(), losses[step, row])
    return TokenSwapResult(ids, losses, every.errors(losses[-1]))


@dataclass(frozen=True)
class _RowSearch:
    """Evaluates prompts for the target of one row."""

    residual_map: ResidualMap
    embeddings: Float[Tensor, "vocabulary hidden"]
    targets: ResidualTargets
    batch_size: int

    @torch.no_grad()
    def losses(self, ids: Int[Tensor, "tried length"]) -> Float[Tensor, " tried"]:
        """Mean squared errors of prompts."""
        return torch.cat(
            [
                self.targets.losses(self.residual_map(self.embeddings[part]))
                for part in torch.split(ids, self.batch_size)
            ]
        )

    def first_order_gains(self, ids: Int[Tensor, " length"]) -> Float[Tensor, "length vocabulary"]:
        """The first-order decrease of the loss by each replacement, up to a constant."""
        leaf = self.embeddings[ids][None].requires_grad_()
        with torch.enable_grad():
            loss = self.targets.losses(self.residual_map(leaf)).sum()
        (gradient,) = torch.autograd.grad(loss, leaf)
        return -gradient[0] @ self.embeddings.T


def _draw_swaps(
    gains: Float[Tensor, "length vocabulary"],
    ids: Int[Tensor, " length"],
    count: int,
    nearest: int,
    generator: torch.Generator,
) -> Int[Tensor, "count length"]:
    """Prompts that differ from ``ids`` at one position each, drawn among the largest gains."""
    length, vocabulary = gains.shape
    best = gains.topk(min(nearest, vocabulary), dim=1).indices
    positions = torch.randint(length, (count,), generator=generator).to(ids.device)
    ranks = torch.randint(best.shape[1], (count,), generator=generator).to(ids.device)
    tried = ids.repeat(count, 1)
    tried[torch.arange(count, device=ids.device), positions] = best[positions, ranks]
    return tried
