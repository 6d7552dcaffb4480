"""Reaches targets by Anderson's accelerated fixed point, with forward passes alone."""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from diffkit_plugins.residual_reachability.solvers.objective import ResidualMap, ResidualTargets
from diffkit_plugins.residual_reachability.solvers.results import BestPrompts, SolverResult

_RIDGE = 1e-10
"""Ridge of the least squares over differences of norm 1, in float64: it only keeps them solvable
where steps repeat each other or have been forgotten."""


class AndersonMemory:
    """The last iterates of each row.

    Args:
        memory: how many are kept.
        prompts: prompts of the shape and device of those to come.
    """

    def __init__(self, memory: int, prompts: Float[Tensor, "rows length hidden"]) -> None:
        shape = (len(prompts), memory, prompts[0].numel())
        self._prompts = prompts.new_zeros(shape)
        self._misses = prompts.new_zeros(shape)
        self._known = torch.zeros(shape[:2], dtype=torch.bool, device=prompts.device)
        self._next = 0

    def step(
        self,
        prompts: Float[Tensor, "rows length hidden"],
        misses: Float[Tensor, "rows length hidden"],
        damping: Float[Tensor, " rows"],
    ) -> Float[Tensor, "rows length hidden"]:
        """The damped step from the mean of iterates whose linear model misses by least.

        Args:
            prompts: the current iterate.
            misses: target less stream there.
            damping: share of the miss by which each row moves.
        """
        here, miss, share = prompts.flatten(1), misses.flatten(1), damping[:, None]
        apart = torch.where(self._known[..., None], self._misses - miss[:, None], 0.0)
        weights = _weights(apart, miss)[..., None]
        shift = ((self._prompts - here[:, None]) * weights).sum(dim=1)
        moved = here + shift + share * (miss + (apart * weights).sum(dim=1))
        self._remember(here, miss)
        return moved.reshape(prompts.shape)

    def keep(self, rows: Int[Tensor, " kept"]) -> None:
        """Goes on with some of the rows."""
        self._prompts, self._misses = self._prompts[rows], self._misses[rows]
        self._known = self._known[rows]

    def forget(self, rows: Bool[Tensor, " rows"]) -> None:
        """Empties the memory of some rows."""
        self._known[rows] = False

    def _remember(self, prompts: Float[Tensor, "rows n"], misses: Float[Tensor, "rows n"]) -> None:
        if self._known.shape[1]:
            self._prompts[:, self._next], self._misses[:, self._next] = prompts, misses
            self._known[:, self._next] = True
            self._next = (self._next + 1) % self._known.shape[1]


def _weights(
    apart: Float[Tensor, "rows memory n"], miss: Float[Tensor, "rows n"]
) -> Float[Tensor, "rows memory"]:
    """The combination of differences that is nearest to minus the miss, by least squares."""
    norms = apart.norm(dim=2)
    inverse = torch.where(norms > 0, 1 / norms, 0.0).double()
    unit = apart.double() * inverse[..., None]
    gram = unit @ unit.mT + _RIDGE * torch.eye(unit.shape[1], dtype=unit.dtype, device=unit.device)
    found: Tensor = torch.linalg.solve(gram, -(unit @ miss.double()[..., None]))[..., 0]
    return (found * inverse).to(miss.dtype)


_DIVERGED_RATIO = 4.0
"""A row whose loss exceeds so many times its best diverges: its error has doubled."""


def anderson_search(
    trunk: ResidualMap,
    targets: Float[Tensor, "rows length hidden"],
    starts: Float[Tensor, "rows length hidden"],
    *,
    steps: int,
    damping: float = 0.5,
    memory: int = 8,
    tolerance: float = 0.0,
    positions: Bool[Tensor, "rows length"] | None = None,
    batch_size: int = 128,
) -> SolverResult:
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
    goal, parts = ResidualTargets.of(targets, positions), []
    for start in range(0, len(starts), batch_size):
        rows = slice(start, start + batch_size)
        trail = BestPrompts(goal.rows(rows), starts[rows].detach(), steps, tolerance)
        _iterate(trunk, trail, AndersonMemory(memory, trail.prompts), damping)
        parts.append(trail.reached())
    return SolverResult.joined(parts)


@torch.no_grad()
def _iterate(
    trunk: ResidualMap, trail: BestPrompts, history: AndersonMemory, damping: float
) -> None:
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
        lost = ~(losses <= _DIVERGED_RATIO * trail.best)  # also where it is not a number
        damped = torch.where(lost, damped / 2, damped)
        moved = history.step(prompts, misses, damped)
        history.forget(lost)
        prompts = torch.where(lost[:, None, None], trail.prompts[trail.active], moved)
