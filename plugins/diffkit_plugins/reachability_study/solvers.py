"""The solvers of residual-reachability, as the study names and configures them."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from diffkit_plugins.reachability_study.prompts import TokenEmbeddings
from diffkit_plugins.residual_reachability.solvers.adam import adam_search
from diffkit_plugins.residual_reachability.solvers.anderson import anderson_search
from diffkit_plugins.residual_reachability.solvers.objective import ResidualMap
from diffkit_plugins.residual_reachability.solvers.results import SolverResult
from diffkit_plugins.residual_reachability.solvers.token_swap import token_swap_search

Prompts = Float[Tensor, "rows length hidden"]


@runtime_checkable
class Solver(Protocol):
    """A way to search for a prompt."""

    @property
    def name(self) -> str:
        """For people, and unique among solvers of as many steps."""
        ...

    @property
    def steps(self) -> int:
        """How many it takes."""
        ...

    @property
    def budget(self) -> float | None:
        """Bound on the norm of each position, in typical embeddings; none: any."""
        ...

    def search(
        self, trunk: ResidualMap, targets: Prompts, starts: Prompts, vocabulary: TokenEmbeddings
    ) -> SolverResult:
        """Searches for each row's target from the row's start, as if it were alone."""
        ...


@dataclass(frozen=True)
class GradientDescent:
    """Adam on the prompt, bounded or not: the study's design."""

    steps: int
    lr: float
    budget: float | None = None
    tolerance: float = 0.0
    """Relative error below which a row leaves its batch."""

    @property
    def name(self) -> str:
        """With the bound where there is one."""
        return "Adam" if self.budget is None else f"Adam, norm ≤ {self.budget:g}"

    def search(
        self, trunk: ResidualMap, targets: Prompts, starts: Prompts, vocabulary: TokenEmbeddings
    ) -> SolverResult:
        """Descends."""
        return adam_search(
            trunk,
            targets,
            starts,
            steps=self.steps,
            lr=self.lr,
            bound=None if self.budget is None else self.budget * vocabulary.norm,
            tolerance=self.tolerance,
            batch_size=len(targets),
        )


@dataclass(frozen=True)
class FixedPoint:
    """Anderson's iteration, of forward passes alone."""

    name: str = "Anderson"
    steps: int = 100
    budget: float | None = None
    tolerance: float = 0.0
    """Relative error below which a row leaves its batch."""

    def search(
        self, trunk: ResidualMap, targets: Prompts, starts: Prompts, vocabulary: TokenEmbeddings
    ) -> SolverResult:
        """Iterates."""
        del vocabulary
        return anderson_search(
            trunk,
            targets,
            starts,
            steps=self.steps,
            tolerance=self.tolerance,
            batch_size=len(targets),
        )


@dataclass(frozen=True)
class TokenSwaps:
    """Greedy coordinate gradient over prompts of real tokens."""

    seed: int
    name: str = "real tokens"
    steps: int = 100
    budget: float | None = None

    def search(
        self, trunk: ResidualMap, targets: Prompts, starts: Prompts, vocabulary: TokenEmbeddings
    ) -> SolverResult:
        """Swaps tokens, from those nearest to the starts on."""
        table = vocabulary.embeddings
        ids = torch.cdist(starts.flatten(0, 1), table).argmin(dim=1).reshape(starts.shape[:2])
        found = token_swap_search(trunk, table, targets, ids, steps=self.steps, seed=self.seed)
        taken = torch.full((len(ids),), self.steps, device=ids.device)
        return SolverResult(table[found.ids], found.losses, found.errors, taken)
