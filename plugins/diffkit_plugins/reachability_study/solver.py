"""Ways to search for a prompt."""

from dataclasses import dataclass
from typing import Literal

from jaxtyping import Float
from torch import Tensor

from diffkit_plugins.residual_reachability.adam import adam
from diffkit_plugins.residual_reachability.anderson import anderson
from diffkit_plugins.residual_reachability.reached import Reached
from diffkit_plugins.residual_reachability.trunk import Trunk

FORWARD_PASSES = 100
"""Of Anderson's iteration, which converges in about 25."""

Prompts = Float[Tensor, "rows length hidden"]


@dataclass(frozen=True)
class Solver:
    """A way to search for a prompt."""

    kind: Literal["adam", "anderson"]
    steps: int
    """Of Adam, or forward passes of Anderson's iteration."""
    lr: float
    """Adam's."""
    budget: float | None = None
    """Bound on the norm of each position of Adam's prompt, in typical embeddings; none: any."""

    @property
    def name(self) -> str:
        """For people, and unique among solvers of as many steps."""
        if self.kind == "anderson":
            return "Anderson"
        return "Adam" if self.budget is None else f"Adam, norm ≤ {self.budget:g}"

    def search(self, trunk: Trunk, targets: Prompts, starts: Prompts, unit: float) -> Reached:
        """Searches for each row's target from the row's start.

        Args:
            trunk: the map from prompts to streams.
            targets: what is to be reached.
            starts: the first prompts.
            unit: norm of a typical token embedding.
        """
        if self.kind == "anderson":
            return anderson(trunk, targets, starts, steps=self.steps, batch_size=len(targets))
        bound = None if self.budget is None else self.budget * unit
        return adam(
            trunk,
            targets,
            starts,
            steps=self.steps,
            lr=self.lr,
            bound=bound,
            batch_size=len(targets),
        )
