"""The solvers of residual-reachability with the study's names and options.

Takes targets and starts. Gives the best prompt of each row.
"""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from diffkit_plugins.reachability_study.prompts import TokenEmbeddings
from diffkit_plugins.residual_reachability.solvers import (
    ResidualMap,
    SolverResult,
    adam_search,
    anderson_search,
    token_swap_search,
)

Prompts = Float[Tensor, "rows length hidden"]


@runtime_checkable
class Solver(Protocol):
    """Searches for the prompts of given targets."""

    @property
    def name(self) -> str:
        """A name that is unique among solvers with the same number of steps."""
        ...

    @property
    def steps(self) -> int:
        """The number of steps."""
        ...

    @property
    def budget(self) -> float | None:
        """Bound on the norm of each position, in typical embeddings; None: unbounded."""
        ...

    def search(
        self,
        residual_map: ResidualMap,
        targets: Prompts,
        starts: Prompts,
        vocabulary: TokenEmbeddings,
    ) -> SolverResult:
        """Searches for each row's target from the row's start, independently of other rows."""
        ...


@dataclass(frozen=True)
class GradientDescent:
    """Adam on the prompt, with or without a norm bound."""

    steps: int
    lr: float
    budget: float | None = None
    tolerance: float = 0.0
    """Relative error below which a row leaves its batch."""

    @property
    def name(self) -> str:
        """The name, with the bound if there is one."""
        return "Adam" if self.budget is None else f"Adam, norm ≤ {self.budget:g}"

    def search(
        self,
        residual_map: ResidualMap,
        targets: Prompts,
        starts: Prompts,
        vocabulary: TokenEmbeddings,
    ) -> SolverResult:
        """Runs Adam."""
        return adam_search(
            residual_map,
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
    """Anderson's accelerated fixed point, with forward passes alone."""

    name: str = "Anderson"
    steps: int = 100
    budget: float | None = None
    tolerance: float = 0.0
    """Relative error below which a row leaves its batch."""

    def search(
        self,
        residual_map: ResidualMap,
        targets: Prompts,
        starts: Prompts,
        vocabulary: TokenEmbeddings,
    ) -> SolverResult:
        """Runs the iteration; it has no norm bound."""
        del vocabulary
        return anderson_search(
            residual_map,
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
        self,
        residual_map: ResidualMap,
        targets: Prompts,
        starts: Prompts,
        vocabulary: TokenEmbeddings,
    ) -> SolverResult:
        """Replaces tokens, from the tokens that are nearest to the starts."""
        table = vocabulary.embeddings
        ids = torch.cdist(starts.flatten(0, 1), table).argmin(dim=1).reshape(starts.shape[:2])
        result = token_swap_search(
            residual_map, table, targets, ids, steps=self.steps, seed=self.seed
        )
        steps = torch.full((len(ids),), self.steps, device=ids.device)
        return SolverResult(table[result.ids], result.losses, result.errors, steps)
