"""Reaches many targets at once by Adam, each row independently of the others."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from diffkit_plugins.residual_reachability.solvers.objective import ResidualMap, ResidualTargets
from diffkit_plugins.residual_reachability.solvers.results import BestPrompts, SolverResult

NormBound = Float[Tensor, " rows"] | float | None
"""Largest norm of a prompt's tokens, for each row or for all; None: unbounded."""

_SPHERE_SHARE = 1 - 1e-5
"""Share of the limit above which a token counts as on the sphere, to allow for rounding."""


def norm_limits(
    bound: NormBound, prompts: Float[Tensor, "rows length hidden"]
) -> Float[Tensor, " rows"]:
    """The largest norm of each row's tokens; infinite if there is no bound."""
    if bound is None:
        bound = torch.inf
    limit = torch.as_tensor(bound, dtype=prompts.dtype, device=prompts.device)
    return limit.expand(len(prompts))


def project_to_ball(
    prompts: Float[Tensor, "rows length hidden"], limit: Float[Tensor, " rows"]
) -> Float[Tensor, "rows length hidden"]:
    """Projects each token onto the ball of its row's limit."""
    norms, largest = prompts.norm(dim=2, keepdim=True), limit[:, None, None]
    return torch.where(norms > largest, prompts * (largest / norms), prompts)


def tangential_gradient(
    gradient: Float[Tensor, "rows length hidden"],
    prompts: Float[Tensor, "rows length hidden"],
    limit: Float[Tensor, " rows"],
) -> Float[Tensor, "rows length hidden"]:
    """Removes the radial part of the gradient where it would push a token out of its ball.

    Adam scales coordinates separately, so its step along a radial gradient is not radial, and
    projection alone would stop beside the optimum. Where the tangential part vanishes on the
    sphere, the Karush-Kuhn-Tucker conditions hold.
    """
    radial = (gradient * prompts).sum(dim=2, keepdim=True)
    squares = prompts.square().sum(dim=2, keepdim=True)
    outward = (squares.sqrt() >= limit[:, None, None] * _SPHERE_SHARE) & (radial < 0)
    return torch.where(outward, gradient - prompts * (radial / squares), gradient)


def adam_search(
    residual_map: ResidualMap,
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
    """Minimises each row's mean squared error over its prompt (Adam; Kingma and Ba 2014).

    The losses of all rows are summed and Adam's state is separate for each coordinate, so rows do
    not affect each other. A row that has converged leaves the batch. Restarts of a target are
    separate rows (see `SolverResult.best_of`).

    Args:
        residual_map: the map from prompts to streams.
        targets: the streams to reach.
        starts: the first prompts, which are projected onto the bound.
        steps: number of steps of each row.
        lr: Adam's step size, in units of the embeddings.
        bound: largest norm of a prompt's tokens, enforced by projection after each step.
        tolerance: relative error below which a row has converged.
        positions: positions where the targets apply; None: everywhere.
        batch_size: rows that are searched together; memory is proportional to it.
    """
    every, limit = ResidualTargets.of(targets, positions), norm_limits(bound, starts)
    parts = []
    for start in range(0, len(starts), batch_size):
        rows = slice(start, start + batch_size)
        first = project_to_ball(starts[rows].detach(), limit[rows])
        best = BestPrompts(every.rows(rows), first, steps, tolerance)
        _descend(residual_map, best, limit[rows], lr)
        parts.append(best.result())
    return SolverResult.concatenate(parts)


def _descend(
    residual_map: ResidualMap, best: BestPrompts, limit: Float[Tensor, " rows"], lr: float
) -> None:
    leaf = best.prompts.clone().requires_grad_()
    optimizer = torch.optim.Adam([leaf], lr=lr)
    for step in range(best.steps + 1):
        with torch.enable_grad():
            losses = best.targets.losses(residual_map(leaf))
        kept = best.add(step, leaf, losses)
        if step == best.steps or len(kept) == 0:
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
    """Restricts the optimiser to some rows; its state is one number for each coordinate."""
    fewer = leaf.detach()[kept].requires_grad_()
    assert leaf.grad is not None  # noqa: S101 - set by the caller
    fewer.grad = leaf.grad[kept]
    state = optimizer.state.pop(leaf, {})
    optimizer.state[fewer] = {
        name: value[kept] if value.shape == leaf.shape else value for name, value in state.items()
    }
    optimizer.param_groups[0]["params"] = [fewer]
    return fewer
