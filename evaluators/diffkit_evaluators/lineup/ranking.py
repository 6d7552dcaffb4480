"""Ranks with ties, and what a guesser without evidence scores."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class RankPosition:
    """Where one choice stands."""

    above: int
    """Choices that score higher."""
    level: int
    """Other choices that score the same."""

    @property
    def rank(self) -> float:
        """1 is first; ties share the middle rank."""
        return 1 + self.above + self.level / 2

    @property
    def first(self) -> float:
        """1 where it comes first; ties share it."""
        return 0.0 if self.above else 1 / (1 + self.level)


def rank_position(own: float, others: Sequence[float]) -> RankPosition:
    """The place of a choice that scores ``own`` among ``others``; higher is better."""
    return RankPosition(sum(other > own for other in others), sum(other == own for other in others))


def ranking_scores(choices: Sequence[str], ranking: Sequence[str]) -> tuple[float, ...]:
    """Scores of ``choices`` by their first place in ``ranking``; those not in it tie last."""
    places = {choice: -float(index) for index, choice in reversed(list(enumerate(ranking)))}
    return tuple(places.get(choice, -float(len(ranking))) for choice in choices)


def chance_of_first(choices: int) -> float:
    """Chance that a guesser puts the right one of ``choices`` first."""
    return 1 / choices


def chance_reciprocal_rank(choices: int) -> float:
    """Mean reciprocal rank of a guesser who orders ``choices`` blindly."""
    return sum(1 / rank for rank in range(1, choices + 1)) / choices
