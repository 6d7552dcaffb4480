"""How near prompts came to their targets."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor


@dataclass(frozen=True)
class Reached:
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

    def best_of(self, restarts: int) -> "Reached":
        """The row with the least error of each ``restarts`` consecutive ones.

        Args:
            restarts: rows that share a target; they must divide the number of rows.
        """
        best = self.errors.reshape(-1, restarts).argmin(dim=1)
        rows = torch.arange(len(best), device=best.device) * restarts + best
        return Reached(
            self.prompts[rows], self.losses[:, rows], self.errors[rows], self.steps[rows]
        )

    @classmethod
    def joined(cls, parts: "list[Reached]") -> "Reached":
        """The rows of several batches, which have tried equally often."""
        return cls(
            torch.cat([part.prompts for part in parts]),
            torch.cat([part.losses for part in parts], dim=1),
            torch.cat([part.errors for part in parts]),
            torch.cat([part.steps for part in parts]),
        )
