"""Reaches targets by Anderson's accelerated fixed point, with forward passes alone."""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from diffkit_plugins.residual_reachability.solvers.objective import ResidualMap, ResidualTargets
from diffkit_plugins.residual_reachability.solvers.results import BestPrompts, SolverResult

_RIDGE = 1e-10
"""Ridge of the least squares over differences of norm 1, in float64. It keeps the system solvable
if steps repeat each other or have been forgotten."""


class AndersonMemory:
    """The last iterates of each row and their residuals.

    Args:
        memory: number of iterates that are kept.
        prompts: prompts whose shape and device the iterates have.
    """

    def __init__(self, memory: int, prompts: Float[Tensor, "rows length hidden"]) -> None:
        shape = (len(prompts), memory, prompts[0].numel())
        self._prompts = prompts.new_zeros(shape)
        self._residuals = prompts.new_zeros(shape)
        self._known = torch.zeros(shape[:2], dtype=torch.bool, device=prompts.device)
        self._next = 0

    def step(
        self,
        prompts: Float[Tensor, "rows length hidden"],
        residuals: Float[Tensor, "rows length hidden"],
        damping: Float[Tensor, " rows"],
    ) -> Float[Tensor, "rows length hidden"]:
        """The damped step from the combination of iterates with the least linearised residual.

        Args:
            prompts: the current iterate.
            residuals: target minus stream at the current iterate.
            damping: share of the residual by which each row moves.
        """
        current, residual, share = prompts.flatten(1), residuals.flatten(1), damping[:, None]
        differences = torch.where(self._known[..., None], self._residuals - residual[:, None], 0.0)
        weights = _weights(differences, residual)[..., None]
        shift = ((self._prompts - current[:, None]) * weights).sum(dim=1)
        moved = current + shift + share * (residual + (differences * weights).sum(dim=1))
        self._remember(current, residual)
        return moved.reshape(prompts.shape)

    def keep(self, rows: Int[Tensor, " kept"]) -> None:
        """Drops all other rows."""
        self._prompts, self._residuals = self._prompts[rows], self._residuals[rows]
        self._known = self._known[rows]

    def forget(self, rows: Bool[Tensor, " rows"]) -> None:
        """Empties the memory of some rows."""
        self._known[rows] = False

    def _remember(
        self, prompts: Float[Tensor, "rows n"], residuals: Float[Tensor, "rows n"]
    ) -> None:
        if self._known.shape[1]:
            self._prompts[:, self._next], self._residuals[:, self._next] = prompts, residuals
            self._known[:, self._next] = True
            self._next = (self._next + 1) % self._known.shape[1]


def _weights(
    differences: Float[Tensor, "rows memory n"], residual: Float[Tensor, "rows n"]
) -> Float[Tensor, "rows memory"]:
    """The least-squares combination of the differences for minus the residual."""
    norms = differences.norm(dim=2)
    inverse = torch.where(norms > 0, 1 / norms, 0.0).double()
    unit = differences.double() * inverse[..., None]
    gram = unit @ unit.mT + _RIDGE * torch.eye(unit.shape[1], dtype=unit.dtype, device=unit.device)
    found: Tensor = torch.linalg.solve(gram, -(unit @ residual.double()[..., None]))[..., 0]
    return (found * inverse).to(residual.dtype)


_DIVERGED_RATIO = 4.0
"""A row diverges if its loss exceeds its least loss by this factor, which doubles its error."""


def anderson_search(
    residual_map: ResidualMap,
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
    (Brouwer 1911): before the final norm some prompt reaches each target exactly, if the norms of
    its tokens are unbounded. A target that is not reached is a failure of the search. The
    acceleration is Anderson's (1965; type II in Walker and Ni 2011). It is fastest for targets
    that are longer than what the network adds, and for single positions. Streams of ordinary text
    consist almost entirely of f and may need hundreds of steps; the targets themselves are then
    better starts than tokens.

    A row that diverges returns to its best prompt with half the damping and an empty memory.

    Args:
        residual_map: the map from prompts to streams, before the final norm.
        targets: the streams to reach.
        starts: the first prompts, which do not change where the stream is free.
        steps: forward passes after the first.
        damping: share of the residual by which a plain step moves.
        memory: number of steps that the acceleration uses.
        tolerance: relative error below which a row has converged.
        positions: positions where the targets apply; None: everywhere.
        batch_size: rows that are searched together; memory is proportional to it.
    """
    every, parts = ResidualTargets.of(targets, positions), []
    for start in range(0, len(starts), batch_size):
        rows = slice(start, start + batch_size)
        best = BestPrompts(every.rows(rows), starts[rows].detach(), steps, tolerance)
        _iterate(residual_map, best, AndersonMemory(memory, best.prompts), damping)
        parts.append(best.result())
    return SolverResult.concatenate(parts)


@torch.no_grad()
def _iterate(
    residual_map: ResidualMap, best: BestPrompts, history: AndersonMemory, damping: float
) -> None:
    prompts = best.prompts.clone()
    damped = torch.full((len(prompts),), damping, device=prompts.device)
    for step in range(best.steps + 1):
        streams = residual_map(prompts)
        losses, residuals = best.targets.losses(streams), best.targets.residuals(streams)
        kept = best.add(step, prompts, losses)
        if step == best.steps or len(kept) == 0:
            return
        if len(kept) < len(prompts):
            prompts, residuals, losses, damped = (
                rows[kept] for rows in (prompts, residuals, losses, damped)
            )
            history.keep(kept)
        diverged = ~(losses <= _DIVERGED_RATIO * best.best)  # also where the loss is not a number
        damped = torch.where(diverged, damped / 2, damped)
        moved = history.step(prompts, residuals, damped)
        history.forget(diverged)
        prompts = torch.where(diverged[:, None, None], best.prompts[best.active], moved)
