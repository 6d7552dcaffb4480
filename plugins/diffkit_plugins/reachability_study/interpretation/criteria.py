"""The criteria by which a row of the interpretation guide is decided."""

from dataclasses import dataclass
from typing import Literal

from jaxtyping import Float
from scipy.stats import mannwhitneyu
from torch import Tensor

from diffkit_plugins.reachability_study.outcomes import ConditionOutcome

Holds = Literal["yes", "no", "not measured"]

SIMILAR_FACTOR = 2.0
"""Medians within this factor of each other are alike."""

LARGE_FACTOR = 10.0
"""Medians at least this factor apart are far from each other."""


@dataclass(frozen=True)
class InterpretationRow:
    """A row of the interpretation guide, answered."""

    observation: str
    """As the guide words it."""
    holds: Holds
    numbers: str
    """What decides it."""
    meaning: str
    """What follows where it holds; else empty."""


@dataclass(frozen=True)
class MedianComparison:
    """Two samples of errors."""

    first: float
    """Median."""
    second: float
    """Median."""
    p: float
    """Two-sided Mann-Whitney U test (1947): by chance, if both come from one distribution."""

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
    def alike(self) -> bool:
        """Whether the medians are within `ALIKE` of each other."""
        return 1 / SIMILAR_FACTOR < self.ratio < SIMILAR_FACTOR

    def __str__(self) -> str:
        return (
            f"medians {self.first:.2g} and {self.second:.2g}, "
            f"ratio {self.ratio:.2g}, Mann-Whitney p = {self.p:.2g}"
        )


def floor_text(*outcomes: ConditionOutcome) -> str:
    """How much of each median is the final norm's, and how much not; empty without a floor."""
    if not any(outcome.floor.any() for outcome in outcomes):
        return ""
    values = " and ".join(f"{float(o.floor.quantile(0.5)):.2g}" for o in outcomes)
    above = " and ".join(f"{float(o.excess.quantile(0.5)):.2g}" for o in outcomes)
    return f"; the final norm's floor {values}, above it {above}"


def mostly_floor(outcome: ConditionOutcome) -> bool:
    """Whether over half of the median MSE is unavoidable after the final norm."""
    return float(outcome.floor.quantile(0.5)) > outcome.median / 2


FLOOR_CAVEAT = " Most of this error is the final norm's floor, so it says nothing of prompts."


def holds_text(holds: bool | None) -> Holds:
    """None: not measured."""
    return "not measured" if holds is None else "yes" if holds else "no"


def interpretation_row(
    observation: str, holds: bool | None, numbers: str, meaning: str
) -> InterpretationRow:
    """A row, whose meaning is left out where it does not hold."""
    return InterpretationRow(observation, holds_text(holds), numbers, meaning if holds else "")
