"""The lineup grader: ranks the truths by their similarity to a claim, without a language model."""

import math
from typing import ClassVar

from diffkit import AnswerSheet, Attempt, Grade, GradeContext, Grader, GraderNeed
from diffkit_evaluators.lineup.config import LineupGraderConfig
from diffkit_evaluators.lineup.lineups import LINEUP_SIZE, build_lineup_set
from diffkit_evaluators.lineup.scoring import (
    ChoiceScores,
    build_null_scale,
    rank_position,
    says_nothing,
    says_nothing_targeted,
    score_attempt,
)


class LineupGrader(Grader[LineupGraderConfig]):
    """Compares the claim with the truths in lineups, and scores the rank of the right one.

    Choices of a lineup are its texts, "none of these" and "nothing targeted". Texts are scored by
    their likeness to the claim, compared with the null claims; "none of these" stands just above
    what 95 % of null claims reach in the same lineup, or after the texts where there are no nulls.
    "Nothing targeted" comes first where the verdict says so, and last elsewhere. All choices are
    tied without a verdict, or if it is unsure and has neither claim nor ranking.

    If a verdict ranks the truths, its ranking decides and its claim is not compared. Choices that
    it leaves out are tied after the others.

    Where every truth has examples of what taught it, the forced choice among the texts is made a
    second time, with each text's examples in its place: the part ``named_by_examples``, which
    claims alone have.
    """

    needs: ClassVar[frozenset[GraderNeed]] = frozenset({"null_claims"})

    def grade(
        self,
        attempt: Attempt,
        sheet: AnswerSheet,
        config: LineupGraderConfig,
        context: GradeContext,
    ) -> Grade:
        """The share of lineups in which the right choice is the first; ties share it.

        The chance of each part is that of the best guesser without evidence: for an organism, one
        who always says that something targeted was done and draws among the texts; for "none of
        these", one who draws among the texts and it; for nulls, one who draws among all choices.
        """
        del context
        if sheet.answer is None:
            return _null(attempt, min(LINEUP_SIZE, len(sheet.statements)))
        lineups = build_lineup_set(sheet.statements, sheet.reference)
        scale = build_null_scale(lineups, sheet.null_claims, config.words)
        scores = score_attempt(attempt, scale, config.words)
        return _targeted(scores, sheet.answer)


def _targeted(scores: ChoiceScores, answer: str) -> Grade:
    handles = scores.scale.lineup_set.handles
    truth = handles.index(answer)
    texts = min(LINEUP_SIZE, len(handles))
    absent = len(scores.scale.lineup_set.lineups[truth].absent)
    if_true = {handle: scores.parts(index) for index, handle in enumerate(handles)}
    parts = if_true[answer] | {
        "none_of_these": scores.none_of_these(truth),
        "top1_chance": chance_of_first(texts),
        "reciprocal_rank_chance": chance_reciprocal_rank(texts),
        "named_chance": chance_of_first(texts),
        "named_reciprocal_rank_chance": chance_reciprocal_rank(texts),
        "none_of_these_chance": chance_of_first(absent + 1),
        "choices": texts + 2,
    }
    if "named_by_examples" in parts:
        parts["named_by_examples_chance"] = parts["named_chance"]
    return Grade(
        score=parts["top1"],
        chance=parts["top1_chance"],
        parts=parts,
        if_true=if_true,
        reasons=f"The right choice came {parts['rank']:.3g} of {texts + 2} on average.",
    )


def _null(attempt: Attempt, texts: int) -> Grade:
    """The grade on a null: only the position of "nothing targeted" counts."""
    others = -math.inf if says_nothing_targeted(attempt) else math.inf
    found = rank_position(0.0, [0.0 if says_nothing(attempt) else others] * (texts + 1))
    chance = chance_of_first(texts + 2)
    return Grade(
        score=found.first,
        chance=chance,
        parts={
            "top1": found.first,
            "reciprocal_rank": 1 / found.rank,
            "rank": found.rank,
            "top1_chance": chance,
            "reciprocal_rank_chance": chance_reciprocal_rank(texts + 2),
            "choices": texts + 2,
        },
        reasons=f"The right choice came {found.rank:g} of {texts + 2}.",
    )


def chance_of_first(choices: int) -> float:
    """Probability that a random order puts the right one of ``choices`` first."""
    return 1 / choices


def chance_reciprocal_rank(choices: int) -> float:
    """Mean reciprocal rank of the right one in a random order of ``choices``."""
    return sum(1 / rank for rank in range(1, choices + 1)) / choices
