"""What one attempt makes of the choices of every lineup."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from diffkit import NONE_OF_THESE, Attempt
from diffkit_evaluators.lineup.ranking import Place, place, ranked
from diffkit_evaluators.lineup.setting import Scale, Scores


def silent(attempt: Attempt) -> bool:
    """Whether it says nothing: no verdict, or unsure, without a claim and without a ranking."""
    verdict = attempt.verdict
    return verdict is None or not (verdict.change != "unsure" or verdict.claim or verdict.ranking)


def says_nothing_targeted(attempt: Attempt) -> bool:
    """Whether it says that nothing targeted was done."""
    return attempt.verdict is not None and attempt.verdict.change in {"none", "unspecific"}


@dataclass(frozen=True)
class Heard:
    """The scores of all choices; higher is better."""

    scale: Scale
    scores: Scores
    """Of each statement."""
    nothing: float
    """Score of "nothing targeted"."""
    none_of_these_at: float | None = None
    """Score of "none of these"; none where null claims set it, lineup by lineup."""

    def parts(self, truth: int) -> dict[str, float]:
        """The parts of the grade that a statement gets, were it the truth."""
        lineups = self.scale.setting.lineups[truth].present
        thresholds = self.scale.thresholds[truth].present
        own, texts = self.scores.texts[truth], self.scores.texts
        forced = _forced(texts, truth, lineups)
        free = []
        for others, threshold in zip(lineups, thresholds, strict=True):
            rest = [self._none_of_these(threshold), self.nothing]
            free.append(place(own, [*(texts[other] for other in others), *rest]))
        parts = {
            "top1": fmean(found.first for found in free),
            "reciprocal_rank": fmean(1 / found.rank for found in free),
            "rank": fmean(found.rank for found in free),
            "named": fmean(found.first for found in forced),
            "named_reciprocal_rank": fmean(1 / found.rank for found in forced),
        }
        if self.scores.examples:
            by_examples = _forced(self.scores.examples, truth, lineups)
            parts["named_by_examples"] = fmean(found.first for found in by_examples)
        return parts

    def none_of_these(self, truth: int) -> float:
        """Whether "none of these" comes first where the truth does not stand."""
        texts = [self.scores.texts[other] for other in self.scale.setting.lineups[truth].absent]
        own = self._none_of_these(self.scale.thresholds[truth].absent)
        return place(own, [*texts, self.nothing]).first

    def _none_of_these(self, threshold: float) -> float:
        return threshold if self.none_of_these_at is None else self.none_of_these_at


def _forced(scores: Sequence[float], truth: int, lineups: Sequence[Sequence[int]]) -> list[Place]:
    """The truth's place among the statements alone, lineup by lineup."""
    return [place(scores[truth], [scores[other] for other in others]) for others in lineups]


def hear(attempt: Attempt, scale: Scale, words: int) -> Heard:
    """The scores that ``attempt`` gives: by its ranking, or by the first words of its claim.

    Args:
        attempt: what is graded.
        scale: the statements, and what null claims score among them.
        words: how many words of a claim are read.
    """
    verdict, handles = attempt.verdict, scale.setting.handles
    if verdict is None or silent(attempt):
        tied = (0.0,) * len(handles)
        level = Scores(tied, tied if scale.setting.examples else ())
        return Heard(scale, level, nothing=0.0, none_of_these_at=0.0)
    nothing = math.inf if says_nothing_targeted(attempt) else -math.inf
    if verdict.ranking:
        *own, none = ranked((*handles, NONE_OF_THESE), verdict.ranking)
        return Heard(scale, Scores(tuple(own)), nothing, none)
    return Heard(scale, scale.scores(verdict.claim or "", words), nothing)
