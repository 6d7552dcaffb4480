"""What the models make of a prediction, and what it is worth."""

import math
from dataclasses import dataclass
from functools import cached_property

from scipy.stats import fisher_exact

NOTHING_BET = 0.5
"""The score of a probability of 0, whatever happens."""
_SURELY = 0.01
"""Probabilities of an outcome below it are scored as it by the logarithm, which has no bound."""


@dataclass(frozen=True)
class Bet:
    """A prediction after the models have answered."""

    p: float
    """Probability given to it."""
    predicted: int
    """Answers of the predicted side that hold the phrase."""
    other: int
    """Answers of the other side that do."""
    samples: int
    """Answers of each side."""
    level: float
    """Level of the test."""

    @cached_property
    def p_value(self) -> float:
        """One-sided, of equal shares, by Fisher's exact test (Fisher 1935)."""
        return _exact(self.predicted, self.other, self.samples)

    @property
    def confirmed(self) -> bool:
        """Whether the predicted side holds the phrase more often."""
        return self.p_value <= self.level

    @cached_property
    def reversed(self) -> bool:
        """Whether the other side does."""
        return _exact(self.other, self.predicted, self.samples) <= self.level

    @property
    def score(self) -> float:
        """Between 0 and 1."""
        return _score(self.p, outcome=self.confirmed)

    @property
    def exchanged(self) -> float:
        """The score, had the other side been predicted."""
        return _score(self.p, outcome=self.reversed)

    @property
    def brier(self) -> float:
        """(p − outcome)², between 0 and 1; lower is better (Brier 1950)."""
        return (self.p - self.confirmed) ** 2

    @property
    def log_score(self) -> float:
        """Log probability of what happened, in nats; at least ln 0.01."""
        return math.log(max(self.p if self.confirmed else 1 - self.p, _SURELY))


def _score(p: float, *, outcome: bool) -> float:
    """(1 + gain) / 2, where the gain is how much better than p = 0 the Brier score is.

    The gain is outcome − (p − outcome)², so honest probabilities score best, as by Brier's rule;
    but a prediction that fails, as nearly all that one could think of do, earns nothing by a low p.
    """
    return (1 + outcome - (p - outcome) ** 2) / 2


def _exact(more: int, less: int, samples: int) -> float:
    table = [[more, samples - more], [less, samples - less]]
    return float(fisher_exact(table, alternative="greater").pvalue)
