"""Scores of the choices in every lineup: similarity to the claim, relative to null claims."""

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import fmean

import numpy as np
from jaxtyping import Float

from diffkit import NONE_OF_THESE, Attempt
from diffkit_evaluators.lineup.lineups import LineupSet
from diffkit_evaluators.lineup.standard_scores import (
    none_threshold,
    standard_null_scores,
    standard_scores,
)

LOWEST_SCORE = -sys.float_info.max
"""Less than the score of any text, and more than that of a choice at minus infinity."""


@dataclass(frozen=True)
class StatementScores:
    """Scores of all statements; higher is more similar."""

    texts: tuple[float, ...]
    """By its text."""
    examples: tuple[float, ...] = ()
    """By its training examples; empty if there are none."""


@dataclass(frozen=True)
class NoneThresholds:
    """Scores of "none of these" in the lineups of one truth."""

    present: tuple[float, ...]
    absent: float


@dataclass(frozen=True)
class NullScale:
    """The lineups of a base, and the scores of null claims in it."""

    lineup_set: LineupSet
    nulls: Float[np.ndarray, "nulls texts"]
    """Cosines of the null claims to the statements."""
    examples_nulls: Float[np.ndarray, "nulls texts"] | None
    """Cosines of the null claims to the statements' examples."""
    thresholds: tuple[NoneThresholds, ...]
    """For each statement, as if it were the truth."""

    def scores(self, claim: str, words: int) -> StatementScores:
        """Score of each statement by its similarity to ``claim``."""
        claim_vectors = self.lineup_set.claim_vectors((claim,), words)
        texts = standard_scores(self.lineup_set.texts.cosines(claim_vectors)[0], self.nulls)
        if self.lineup_set.examples is None or self.examples_nulls is None:
            return StatementScores(tuple(texts.tolist()))
        cosine = self.lineup_set.examples.cosines(claim_vectors)[0]
        examples = standard_scores(cosine, self.examples_nulls)
        return StatementScores(tuple(texts.tolist()), tuple(examples.tolist()))


@lru_cache(maxsize=128)  # grades of many methods, each with null claims of its own, alternate
def build_null_scale(lineup_set: LineupSet, null_claims: tuple[str, ...], words: int) -> NullScale:
    """The scores of ``null_claims`` in ``lineup_set``, by which claims are standardised."""
    claim_vectors = lineup_set.claim_vectors(null_claims, words)
    nulls = lineup_set.texts.cosines(claim_vectors)
    examples = lineup_set.examples.cosines(claim_vectors) if lineup_set.examples else None
    scores = standard_null_scores(nulls) if len(nulls) > 1 else nulls[:0]
    thresholds = (
        NoneThresholds(
            tuple(_lineup_threshold(scores, (truth, *others)) for others in lineups.present),
            _lineup_threshold(scores, lineups.absent),
        )
        for truth, lineups in enumerate(lineup_set.lineups)
    )
    return NullScale(lineup_set, nulls, examples, tuple(thresholds))


def _lineup_threshold(scores: np.ndarray, lineup: tuple[int, ...]) -> float:
    if not len(scores) or not lineup:
        return LOWEST_SCORE
    return none_threshold(scores[:, lineup].max(axis=1))


def says_nothing(attempt: Attempt) -> bool:
    """Whether it says nothing: no verdict, or unsure, without a claim and without a ranking."""
    verdict = attempt.verdict
    return verdict is None or not (verdict.change != "unsure" or verdict.claim or verdict.ranking)


def says_nothing_targeted(attempt: Attempt) -> bool:
    """Whether it says that nothing targeted was done."""
    return attempt.verdict is not None and attempt.verdict.change in {"none", "unspecific"}


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


@dataclass(frozen=True)
class ChoiceScores:
    """The scores of all choices; higher is better."""

    scale: NullScale
    scores: StatementScores
    """Scores of the statements."""
    nothing: float
    """Score of "nothing targeted"."""
    none_of_these_at: float | None = None
    """Score of "none of these"; none if null claims determine it for each lineup."""

    def parts(self, truth: int) -> dict[str, float]:
        """The parts of the grade as if a statement were the truth."""
        lineups = self.scale.lineup_set.lineups[truth].present
        thresholds = self.scale.thresholds[truth].present
        own, texts = self.scores.texts[truth], self.scores.texts
        forced = _positions_among_texts(texts, truth, lineups)
        free = []
        for others, threshold in zip(lineups, thresholds, strict=True):
            rest = [self._none_of_these(threshold), self.nothing]
            free.append(rank_position(own, [*(texts[other] for other in others), *rest]))
        parts = {
            "top1": fmean(found.first for found in free),
            "reciprocal_rank": fmean(1 / found.rank for found in free),
            "rank": fmean(found.rank for found in free),
            "named": fmean(found.first for found in forced),
            "named_reciprocal_rank": fmean(1 / found.rank for found in forced),
        }
        if self.scores.examples:
            by_examples = _positions_among_texts(self.scores.examples, truth, lineups)
            parts["named_by_examples"] = fmean(found.first for found in by_examples)
        return parts

    def none_of_these(self, truth: int) -> float:
        """Whether "none of these" is the first choice in the lineup without the truth."""
        texts = [self.scores.texts[other] for other in self.scale.lineup_set.lineups[truth].absent]
        own = self._none_of_these(self.scale.thresholds[truth].absent)
        return rank_position(own, [*texts, self.nothing]).first

    def _none_of_these(self, threshold: float) -> float:
        return threshold if self.none_of_these_at is None else self.none_of_these_at


def _positions_among_texts(
    scores: Sequence[float], truth: int, lineups: Sequence[Sequence[int]]
) -> list[RankPosition]:
    """The truth's position among the statements alone, in each lineup."""
    return [rank_position(scores[truth], [scores[other] for other in others]) for others in lineups]


def score_attempt(attempt: Attempt, scale: NullScale, words: int) -> ChoiceScores:
    """Scores of all choices for ``attempt``: by its ranking, or by the first words of its claim.

    Args:
        attempt: the attempt.
        scale: the statements, and the scores of null claims.
        words: number of words of a claim that are read.
    """
    verdict, handles = attempt.verdict, scale.lineup_set.handles
    if verdict is None or says_nothing(attempt):
        tied = (0.0,) * len(handles)
        level = StatementScores(tied, tied if scale.lineup_set.examples else ())
        return ChoiceScores(scale, level, nothing=0.0, none_of_these_at=0.0)
    nothing = math.inf if says_nothing_targeted(attempt) else -math.inf
    if verdict.ranking:
        *own, none = ranking_scores((*handles, NONE_OF_THESE), verdict.ranking)
        return ChoiceScores(scale, StatementScores(tuple(own)), nothing, none)
    return ChoiceScores(scale, scale.scores(verdict.claim or "", words), nothing)
