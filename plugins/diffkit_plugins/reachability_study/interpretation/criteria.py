"""The criteria by which a row of the interpretation guide is decided.

Takes samples of errors. Gives their comparison, and rows of the guide.
"""

from dataclasses import dataclass
from typing import Literal

from jaxtyping import Float
from scipy.stats import mannwhitneyu
from torch import Tensor

from diffkit_plugins.reachability_study.outcomes import ConditionOutcome

Holds = Literal["yes", "no", "not measured"]
SIMILAR_FACTOR = 2.0
"""Medians within this factor of each other are similar."""
LARGE_FACTOR = 10.0
"""Medians at least this factor apart differ strongly."""
FLOOR_CAVEAT = " Most of this error is the final norm's floor, so it says nothing of prompts."


@dataclass(frozen=True)
class InterpretationRow:
    """A row of the interpretation guide, with the answer."""

    observation: str
    """The observation in the guide's words."""
    holds: Holds
    numbers: str
    """The numbers that decide whether it holds."""
    meaning: str
    """What follows if it holds; empty otherwise."""


@dataclass(frozen=True)
class MedianComparison:
    """The medians of two samples of errors, and a test of their difference."""

    first: float
    """Median of the first sample."""
    second: float
    """Median of the second sample."""
    p: float
    """p-value of the two-sided Mann-Whitney U test (1947)."""

    @classmethod
    def of(cls, first: Float[Tensor, " m"], second: Float[Tensor, " n"]) -> "MedianComparison":
        """Compares two samples."""
        p = float(mannwhitneyu(first.numpy(), second.numpy()).pvalue)
        return cls(float(first.quantile(0.5)), float(second.quantile(0.5)), p)

    @property
    def ratio(self) -> float:
        """Second median over the first; 1 where both are 0."""
        if self.first == self.second:
            return 1.0
        return self.second / self.first if self.first else float("inf")

    @property
    def similar(self) -> bool:
        """Whether the medians are within `SIMILAR_FACTOR` of each other."""
        return 1 / SIMILAR_FACTOR < self.ratio < SIMILAR_FACTOR

    def __str__(self) -> str:
        return (
            f"medians {self.first:.2g} and {self.second:.2g}, "
            f"ratio {self.ratio:.2g}, Mann-Whitney p = {self.p:.2g}"
        )


def floor_text(*outcomes: ConditionOutcome) -> str:
    """The median floors and excesses of the outcomes in words; empty without a floor."""
    if not any(outcome.floor.any() for outcome in outcomes):
        return ""
    values = " and ".join(f"{float(o.floor.quantile(0.5)):.2g}" for o in outcomes)
    above = " and ".join(f"{float(o.excess.quantile(0.5)):.2g}" for o in outcomes)
    return f"; the final norm's floor {values}, above it {above}"


def mostly_floor(outcome: ConditionOutcome) -> bool:
    """Whether the final norm's floor is more than half of the median MSE."""
    return float(outcome.floor.quantile(0.5)) > outcome.median / 2


def holds_text(holds: bool | None) -> Holds:
    """The answer in words; None: not measured."""
    return "not measured" if holds is None else "yes" if holds else "no"


def interpretation_row(
    observation: str, holds: bool | None, numbers: str, meaning: str
) -> InterpretationRow:
    """A row, without its meaning if the observation does not hold."""
    return InterpretationRow(observation, holds_text(holds), numbers, meaning if holds else "")
