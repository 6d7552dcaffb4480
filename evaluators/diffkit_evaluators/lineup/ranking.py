"""Ranks with ties, and what a guesser without evidence scores."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class RankPosition:
    """The position of one choice in a ranking."""

    better: int
    """Number of choices with a higher score."""
    tied: int
    """Number of other choices with the same score."""

    @property
    def rank(self) -> float:
        """1 for the first; ties share the middle rank."""
        return 1 + self.better + self.tied / 2

    @property
    def first(self) -> float:
        """1 if it is the first; ties share that."""
        return 0.0 if self.better else 1 / (1 + self.tied)


def rank_position(own: float, others: Sequence[float]) -> RankPosition:
    """The position of a choice with the score ``own`` among ``others``; higher is better."""
    return RankPosition(sum(other > own for other in others), sum(other == own for other in others))


def ranking_scores(choices: Sequence[str], ranking: Sequence[str]) -> tuple[float, ...]:
    """Scores of ``choices`` by their first position in ``ranking``; others share the last."""
    scores = {choice: -float(index) for index, choice in reversed(list(enumerate(ranking)))}
    return tuple(scores.get(choice, -float(len(ranking))) for choice in choices)


def chance_of_first(choices: int) -> float:
    """Probability that a random order puts the right one of ``choices`` first."""
    return 1 / choices


def chance_reciprocal_rank(choices: int) -> float:
    """Mean reciprocal rank of the right one in a random order of ``choices``."""
    return sum(1 / rank for rank in range(1, choices + 1)) / choices
