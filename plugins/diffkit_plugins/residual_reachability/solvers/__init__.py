"""Solvers: searches for prompts that lead to given residual streams.

Takes a differentiable map from prompts to streams, targets and starts. Gives the best prompt of
each row, its loss at each step and its error.
"""

from diffkit_plugins.residual_reachability.solvers.adam import NormBound, adam_search
from diffkit_plugins.residual_reachability.solvers.anderson import anderson_search
from diffkit_plugins.residual_reachability.solvers.objective import ResidualMap, ResidualTargets
from diffkit_plugins.residual_reachability.solvers.results import SolverResult
from diffkit_plugins.residual_reachability.solvers.token_swap import (
    TokenSwapResult,
    token_swap_search,
)

__all__ = [
    "NormBound",
    "ResidualMap",
    "ResidualTargets",
    "SolverResult",
    "TokenSwapResult",
    "adam_search",
    "anderson_search",
    "token_swap_search",
]
