"""The public names of `diffkit.evaluation.leaderboard`, each imported when first used."""

from .build import build_leaderboard, check_same_configuration
from .cases import (
    METHOD_INDEPENDENT_ARMS,
    AttemptWithGrades,
    GradedCase,
    Unit,
    attempts_of,
    group_units,
)
from .comparisons import paired_differences, tie_groups
from .rows import build_rows
from .schema import (
    BudgetCurve,
    CurvePoint,
    Difference,
    Leaderboard,
    Measure,
    PairResult,
    RoleUse,
    Row,
    Stratum,
)
from .scores import budget_curve, mean_part

__all__ = [
    "METHOD_INDEPENDENT_ARMS",
    "AttemptWithGrades",
    "BudgetCurve",
    "CurvePoint",
    "Difference",
    "GradedCase",
    "Leaderboard",
    "Measure",
    "PairResult",
    "RoleUse",
    "Row",
    "Stratum",
    "Unit",
    "attempts_of",
    "budget_curve",
    "build_leaderboard",
    "build_rows",
    "check_same_configuration",
    "group_units",
    "mean_part",
    "paired_differences",
    "tie_groups",
]
