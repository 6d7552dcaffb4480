"""The best prompts found, while a solver runs and when it has ended."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from diffkit_plugins.residual_reachability.solvers.objective import ResidualTargets


@dataclass(frozen=True)
class SolverResult:
    """The best prompt of each row and the losses on the way to it."""

    prompts: Float[Tensor, "rows length hidden"]
    """The prompts of the least error among all that were evaluated."""
    losses: Float[Tensor, "evaluations rows"]
    """Mean squared error of the start and after each step; constant after a row has converged."""
    errors: Float[Tensor, " rows"]
    """Relative error ‖h − t‖/‖t‖ of ``prompts``."""
    steps: Int[Tensor, " rows"]
    """Steps until the row converged, or all steps."""

    def best_of(self, restarts: int) -> "SolverResult":
        """Keeps the row of the least error among each ``restarts`` consecutive rows.

        Args:
            restarts: number of rows that share a target; it must divide the number of rows.
        """
        best = self.errors.reshape(-1, restarts).argmin(dim=1)
        rows = torch.arange(len(best), device=best.device) * restarts + best
        return SolverResult(
            self.prompts[rows], self.losses[:, rows], self.errors[rows], self.steps[rows]
        )

    @classmethod
    def concatenate(cls, parts: "list[SolverResult]") -> "SolverResult":
        """Concatenates the rows of batches with the same number of steps."""
        return cls(
            torch.cat([part.prompts for part in parts]),
            torch.cat([part.losses for part in parts], dim=1),
            torch.cat([part.errors for part in parts]),
            torch.cat([part.steps for part in parts]),
        )


class BestPrompts:
    """The best prompts so far of the rows of one batch, and the rows that have not converged.

    Args:
        targets: the targets of the rows.
        starts: the first prompts.
        steps: largest number of steps.
        tolerance: relative error below which a row has converged.
    """

    def __init__(
        self,
        targets: ResidualTargets,
        starts: Float[Tensor, "rows length hidden"],
        steps: int,
        tolerance: float,
    ) -> None:
        rows = len(starts)
        self.active = torch.arange(rows, device=starts.device)
        """Indices of the rows that have not converged."""
        self.targets = targets
        """The targets of the active rows."""
        self._tolerance = tolerance
        self._all_targets = targets
        self.prompts = starts.detach().clone()
        """The best prompts of all rows so far."""
        self.steps = steps
        self._losses = starts.new_full((steps + 1, rows), torch.inf, dtype=torch.float32)
        self._best = starts.new_full((rows,), torch.inf, dtype=torch.float32)
        self._taken = torch.full_like(self.active, steps)

    def add(
        self,
        step: int,
        prompts: Float[Tensor, "active length hidden"],
        losses: Float[Tensor, " active"],
    ) -> Int[Tensor, " kept"]:
        """Records the active rows' current prompts, and deactivates rows that have converged.

        Args:
            step: number of steps taken so far.
            prompts: current prompts.
            losses: their mean squared errors.

        Returns:
            Indices, among the given rows, of those that stay active.
        """
        rows, losses = self.active, losses.detach().float()
        self._losses[step:, rows] = losses
        better = losses < self._best[rows]
        self._best[rows[better]] = losses[better]
        self.prompts[rows[better]] = prompts.detach()[better]
        done = self.targets.errors(losses) < self._tolerance
        self._taken[rows[done]] = step
        kept = (~done).nonzero()[:, 0]
        if len(kept) < len(rows):
            self.active, self.targets = rows[kept], self.targets.rows(kept)
        return kept

    @property
    def best(self) -> Float[Tensor, " active"]:
        """The least loss so far of each active row."""
        return self._best[self.active]

    def result(self) -> SolverResult:
        """The best prompts so far and their losses."""
        errors = self._all_targets.errors(self._best)
        return SolverResult(self.prompts, self._losses, errors, self._taken)
