"""Reaching many targets by gradient descent at once, each row as if it were alone."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from diffkit_plugins.residual_reachability.ball import Bound, limits, tangential, within
from diffkit_plugins.residual_reachability.goal import Goal
from diffkit_plugins.residual_reachability.reached import Reached
from diffkit_plugins.residual_reachability.trail import Trail
from diffkit_plugins.residual_reachability.trunk import Trunk


def adam(
    trunk: Trunk,
    targets: Float[Tensor, "rows length hidden"],
    starts: Float[Tensor, "rows length hidden"],
    *,
    steps: int,
    lr: float,
    bound: Bound = None,
    tolerance: float = 0.0,
    positions: Bool[Tensor, "rows length"] | None = None,
    batch_size: int = 128,
) -> Reached:
    """Minimises each row's mean squared error over its prompt (Kingma and Ba 2014).

    The rows' losses are summed, and Adam's state is one number a coordinate, so each row moves as
    it would alone. A row that has converged leaves the batch. Restarts of a target are rows of
    their own: see `Reached.best_of`. Without a bound this is the loop over one target at a time.

    Args:
        trunk: the map from prompts to streams.
        targets: what is to be reached.
        starts: the first prompts; they are brought within the bound.
        steps: steps of each row.
        lr: Adam's step size, in units of the embeddings.
        bound: largest norm of a prompt's tokens; kept by projection after each step.
        tolerance: relative error below which a row has converged.
        positions: where targets are to be reached; none: everywhere.
        batch_size: rows at a time; memory is proportional to it.
    """
    goal, largest = Goal.of(targets, positions), limits(bound, starts)
    parts = []
    for start in range(0, len(starts), batch_size):
        rows = slice(start, start + batch_size)
        first = within(starts[rows].detach(), largest[rows])
        trail = Trail(goal.rows(rows), first, steps, tolerance)
        _descend(trunk, trail, largest[rows], lr)
        parts.append(trail.reached())
    return Reached.joined(parts)


def _descend(trunk: Trunk, trail: Trail, limit: Float[Tensor, " rows"], lr: float) -> None:
    leaf = trail.prompts.clone().requires_grad_()
    optimizer = torch.optim.Adam([leaf], lr=lr)
    for step in range(trail.steps + 1):
        with torch.enable_grad():
            losses = trail.goal.losses(trunk(leaf))
        kept = trail.add(step, leaf, losses)
        if step == trail.steps or len(kept) == 0:
            return
        (gradient,) = torch.autograd.grad(losses.sum(), leaf)
        leaf.grad = tangential(gradient, leaf, limit)
        if len(kept) < len(leaf):
            leaf, limit = _kept(optimizer, leaf, kept), limit[kept]
        optimizer.step()
        with torch.no_grad():
            leaf.copy_(within(leaf, limit))


def _kept(
    optimizer: torch.optim.Adam, leaf: Tensor, kept: Tensor
) -> Float[Tensor, "kept length hidden"]:
    """The same optimiser for some of its rows; its state is one number a coordinate."""
    fewer = leaf.detach()[kept].requires_grad_()
    assert leaf.grad is not None  # noqa: S101 - it was set just before
    fewer.grad = leaf.grad[kept]
    state = optimizer.state.pop(leaf, {})
    optimizer.state[fewer] = {
        name: value[kept] if value.shape == leaf.shape else value for name, value in state.items()
    }
    optimizer.param_groups[0]["params"] = [fewer]
    return fewer
