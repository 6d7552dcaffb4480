"""Reaching targets with forward passes alone."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from diffkit_plugins.residual_reachability.goal import Goal
from diffkit_plugins.residual_reachability.history import History
from diffkit_plugins.residual_reachability.reached import Reached
from diffkit_plugins.residual_reachability.trail import Trail
from diffkit_plugins.residual_reachability.trunk import Trunk

_WORSE = 4.0
"""A row whose loss exceeds so many times its best diverges: its error has doubled."""


def anderson(
    trunk: Trunk,
    targets: Float[Tensor, "rows length hidden"],
    starts: Float[Tensor, "rows length hidden"],
    *,
    steps: int,
    damping: float = 0.5,
    memory: int = 8,
    tolerance: float = 0.0,
    positions: Bool[Tensor, "rows length"] | None = None,
    batch_size: int = 128,
) -> Reached:
    """Solves h(e) = t by e ← e + damping (t − h(e)), with Anderson acceleration in each row.

    In a pre-norm network every sublayer reads a normalised input, so the stream is e + f(e) with f
    continuous and bounded. Then e ↦ t − f(e) maps a large ball into itself and has a fixed point
    (Brouwer 1911): before the final norm, every target is reached exactly by some prompt, if the
    norms of its tokens are free. What is not reached was not found. The acceleration is Anderson's
    (1965; type II in Walker and Ni 2011). It is quickest where targets are longer than what the
    network adds, and where one position is to be reached alone. Streams of ordinary text, which are
    nearly all f, may need hundreds of steps; their targets are then better starts than tokens.

    A row that diverges goes back to its best prompt with half the damping and an empty memory.

    Args:
        trunk: the map from prompts to streams, before the final norm.
        targets: what is to be reached.
        starts: the first prompts; they stay as they are where the stream is free.
        steps: forward passes after the first.
        damping: share of the miss by which a plain step moves.
        memory: steps that the acceleration looks back.
        tolerance: relative error below which a row has converged.
        positions: where targets are to be reached; none: everywhere.
        batch_size: rows at a time; memory is proportional to it.
    """
    goal, parts = Goal.of(targets, positions), []
    for start in range(0, len(starts), batch_size):
        rows = slice(start, start + batch_size)
        trail = Trail(goal.rows(rows), starts[rows].detach(), steps, tolerance)
        _iterate(trunk, trail, History(memory, trail.prompts), damping)
        parts.append(trail.reached())
    return Reached.joined(parts)


@torch.no_grad()
def _iterate(trunk: Trunk, trail: Trail, history: History, damping: float) -> None:
    prompts = trail.prompts.clone()
    damped = torch.full((len(prompts),), damping, device=prompts.device)
    for step in range(trail.steps + 1):
        streams = trunk(prompts)
        losses, misses = trail.goal.losses(streams), trail.goal.misses(streams)
        kept = trail.add(step, prompts, losses)
        if step == trail.steps or len(kept) == 0:
            return
        if len(kept) < len(prompts):
            prompts, misses, losses, damped = (
                rows[kept] for rows in (prompts, misses, losses, damped)
            )
            history.keep(kept)
        lost = ~(losses <= _WORSE * trail.best)  # also where it is not a number
        damped = torch.where(lost, damped / 2, damped)
        moved = history.step(prompts, misses, damped)
        history.forget(lost)
        prompts = torch.where(lost[:, None, None], trail.prompts[trail.active], moved)
