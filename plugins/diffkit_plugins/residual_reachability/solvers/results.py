"""The best prompts found, while a solver runs and when it has ended."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from diffkit_plugins.residual_reachability.solvers.objective import ResidualTargets


@dataclass(frozen=True)
class SolverResult:
    """The best prompt found for each row, and the way there."""

    prompts: Float[Tensor, "rows length hidden"]
    """The prompts with the least error among all that were tried."""
    losses: Float[Tensor, "tries rows"]
    """Mean squared error of the prompt tried at each step: the start first, and after a row has
    converged its last."""
    errors: Float[Tensor, " rows"]
    """Relative error ‖h − t‖/‖t‖ of ``prompts``."""
    steps: Int[Tensor, " rows"]
    """Steps taken until the row converged, or all of them."""

    def best_of(self, restarts: int) -> "SolverResult":
        """The row with the least error of each ``restarts`` consecutive ones.

        Args:
            restarts: rows that share a target; they must divide the number of rows.
        """
        best = self.errors.reshape(-1, restarts).argmin(dim=1)
        rows = torch.arange(len(best), device=best.device) * restarts + best
        return SolverResult(
            self.prompts[rows], self.losses[:, rows], self.errors[rows], self.steps[rows]
        )

    @classmethod
    def joined(cls, parts: "list[SolverResult]") -> "SolverResult":
        """The rows of several batches, which have tried equally often."""
        return cls(
            torch.cat([part.prompts for part in parts]),
            torch.cat([part.losses for part in parts], dim=1),
            torch.cat([part.errors for part in parts]),
            torch.cat([part.steps for part in parts]),
        )


class BestPrompts:
    """What the rows of one batch have reached, and which of them still try.

    Args:
        goal: what is to be reached.
        starts: the first prompts.
        steps: steps that the optimiser may take.
        tolerance: relative error below which a row has converged.
    """

    def __init__(
        self,
        goal: ResidualTargets,
        starts: Float[Tensor, "rows length hidden"],
        steps: int,
        tolerance: float,
    ) -> None:
        rows = len(starts)
        self.active = torch.arange(rows, device=starts.device)
        """Rows that have not converged."""
        self.goal = goal
        """The goal of these rows."""
        self._tolerance = tolerance
        self._whole = goal
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
        """Takes in what the active rows tried, and lets go of those that have converged.

        Args:
            step: steps taken before this try.
            prompts: what was tried.
            losses: mean squared errors.

        Returns:
            Which of the rows given stay active.
        """
        rows, losses = self.active, losses.detach().float()
        self._losses[step:, rows] = losses
        better = losses < self._best[rows]
        self._best[rows[better]] = losses[better]
        self.prompts[rows[better]] = prompts.detach()[better]
        done = self.goal.errors(losses) < self._tolerance
        self._taken[rows[done]] = step
        kept = (~done).nonzero()[:, 0]
        if len(kept) < len(rows):
            self.active, self.goal = rows[kept], self.goal.rows(kept)
        return kept

    @property
    def best(self) -> Float[Tensor, " active"]:
        """The least loss of each active row so far."""
        return self._best[self.active]

    def reached(self) -> SolverResult:
        """What has been found so far."""
        errors = self._whole.errors(self._best)
        return SolverResult(self.prompts, self._losses, errors, self._taken)
