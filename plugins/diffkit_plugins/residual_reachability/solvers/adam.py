"""Reaches many targets at once by Adam, each row independently of the others."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from diffkit_plugins.residual_reachability.solvers.objective import ResidualMap, ResidualTargets
from diffkit_plugins.residual_reachability.solvers.results import BestPrompts, SolverResult

NormBound = Float[Tensor, " rows"] | float | None
"""Largest norm of a prompt's tokens, of each row or of all; none: any."""

_SPHERE_SHARE = 1 - 1e-5
"""Share of the limit above which a token counts as lying on the sphere, for rounding's sake."""


def norm_limits(
    bound: NormBound, prompts: Float[Tensor, "rows length hidden"]
) -> Float[Tensor, " rows"]:
    """The largest norm of each row's tokens; infinite where there is no bound."""
    if bound is None:
        bound = torch.inf
    limit = torch.as_tensor(bound, dtype=prompts.dtype, device=prompts.device)
    return limit.expand(len(prompts))


def project_to_ball(
    prompts: Float[Tensor, "rows length hidden"], limit: Float[Tensor, " rows"]
) -> Float[Tensor, "rows length hidden"]:
    """The nearest prompts whose tokens' norms keep to the limit."""
    norms, largest = prompts.norm(dim=2, keepdim=True), limit[:, None, None]
    return torch.where(norms > largest, prompts * (largest / norms), prompts)


def tangential_gradient(
    gradient: Float[Tensor, "rows length hidden"],
    prompts: Float[Tensor, "rows length hidden"],
    limit: Float[Tensor, " rows"],
) -> Float[Tensor, "rows length hidden"]:
    """The gradient without the part that would only push a token out of its ball.

    Adam scales coordinates, so a step along a gradient that is purely radial is not, and
    projection alone would come to rest beside the optimum. Where the tangential part vanishes on
    the sphere, the conditions of Karush, Kuhn and Tucker hold.
    """
    radial = (gradient * prompts).sum(dim=2, keepdim=True)
    squares = prompts.square().sum(dim=2, keepdim=True)
    outward = (squares.sqrt() >= limit[:, None, None] * _SPHERE_SHARE) & (radial < 0)
    return torch.where(outward, gradient - prompts * (radial / squares), gradient)


def adam_search(
    trunk: ResidualMap,
    targets: Float[Tensor, "rows length hidden"],
    starts: Float[Tensor, "rows length hidden"],
    *,
    steps: int,
    lr: float,
    bound: NormBound = None,
    tolerance: float = 0.0,
    positions: Bool[Tensor, "rows length"] | None = None,
    batch_size: int = 128,
) -> SolverResult:
    """Minimises each row's mean squared error over its prompt (Kingma and Ba 2014).

    The rows' losses are summed, and Adam's state is one number a coordinate, so each row moves as
    it would alone. A row that has converged leaves the batch. Restarts of a target are rows of
    their own: see `SolverResult.best_of`. Without a bound this is the loop over one target at a
    time.

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
    goal, largest = ResidualTargets.of(targets, positions), norm_limits(bound, starts)
    parts = []
    for start in range(0, len(starts), batch_size):
        rows = slice(start, start + batch_size)
        first = project_to_ball(starts[rows].detach(), largest[rows])
        trail = BestPrompts(goal.rows(rows), first, steps, tolerance)
        _descend(trunk, trail, largest[rows], lr)
        parts.append(trail.reached())
    return SolverResult.joined(parts)


def _descend(
    trunk: ResidualMap, trail: BestPrompts, limit: Float[Tensor, " rows"], lr: float
) -> None:
    leaf = trail.prompts.clone().requires_grad_()
    optimizer = torch.optim.Adam([leaf], lr=lr)
    for step in range(trail.steps + 1):
        with torch.enable_grad():
            losses = trail.goal.losses(trunk(leaf))
        kept = trail.add(step, leaf, losses)
        if step == trail.steps or len(kept) == 0:
            return
        (gradient,) = torch.autograd.grad(losses.sum(), leaf)
        leaf.grad = tangential_gradient(gradient, leaf, limit)
        if len(kept) < len(leaf):
            leaf, limit = _keep_rows(optimizer, leaf, kept), limit[kept]
        optimizer.step()
        with torch.no_grad():
            leaf.copy_(project_to_ball(leaf, limit))


def _keep_rows(
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
