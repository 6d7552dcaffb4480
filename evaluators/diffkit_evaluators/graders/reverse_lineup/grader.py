"""The grader that picks a truth by the claim alone."""

from typing import ClassVar

from diffkit import (
    Attempt,
    Estimate,
    Exam,
    Grade,
    GradeContext,
    Grader,
    GraderNeed,
    MethodConfig,
)
from diffkit_evaluators.graders.claims import claim_of
from diffkit_evaluators.graders.decided import decided
from diffkit_evaluators.graders.judge import CHARACTERS_PER_TOKEN, TRIES, check_judge
from diffkit_evaluators.graders.reverse_lineup.choice import STATEMENT_CHARACTERS, choose
from diffkit_evaluators.graders.reverse_lineup.config import ReverseLineupConfig
from diffkit_evaluators.graders.reverse_lineup.likeness import likest
from diffkit_evaluators.graders.reverse_lineup.picks import Picks
from diffkit_evaluators.lm import LanguageModel

STATEMENTS = 32
"""Truths on a base, for estimates alone."""


class ReverseLineupGrader(Grader[ReverseLineupConfig]):
    """A blind grader reads the claim and picks, of all truths on the base, the one it describes.

    "None of these" is among the choices. The grader knows neither the truth nor who claims, so a
    grade under any other truth follows from the same picks, and permutation tests need no further
    call. Without a language model likeness of words picks.
    """

    needs: ClassVar[frozenset[GraderNeed]] = frozenset({"null_claims"})

    def grade(
        self, attempt: Attempt, exam: Exam, config: ReverseLineupConfig, context: GradeContext
    ) -> Grade:
        """Scores the share of picks that are right.

        Whoever says nothing of an organism, or that nothing targeted was done, has picked nothing.
        On nulls that verdict alone is right, and nobody picks.

        Chance is that of the best blind guesser: one who knows that something was done and draws
        among the truths, 1/K; on nulls one who draws among all choices, 1/(K + 1).

        Raises:
            LanguageModelError: the judge cannot be reached, refuses, or picks nothing.
        """
        if settled := decided(attempt, exam):
            return _grade(exam, settled.score, Picks({}, settled.reason))
        claim = claim_of(attempt, config.claim_characters)
        if config.model is None:
            picks = likest(claim, exam, config.words)
        else:
            model = LanguageModel(config, "grader", context.talk)
            picks = choose(model, claim, exam.statements, config.repeats)
        assert exam.answer is not None  # noqa: S101 - nulls are decided
        return _grade(exam, picks.share(exam.answer), picks)

    def check(self, config: ReverseLineupConfig, investigator: MethodConfig) -> None:
        """Refuses a judge of the investigator's family, and one that cannot be asked.

        Raises:
            UserError: either is so.
        """
        check_judge(config, investigator)

    def estimate(self, config: ReverseLineupConfig) -> Estimate | None:
        """Every pick, each asked for as often as it may be."""
        if config.model is None:
            return None
        calls = min(config.max_calls, TRIES * config.repeats)
        prompt = config.claim_characters + STATEMENTS * STATEMENT_CHARACTERS
        return Estimate(
            role="grader",
            model=config.model.name,
            calls=calls,
            prompt_tokens=calls * prompt // CHARACTERS_PER_TOKEN,
            completion_tokens=calls * config.max_completion_tokens,
            dollars=config.max_dollars,
        )


def _grade(exam: Exam, score: float, picks: Picks) -> Grade:
    """The grade of ``picks``; without any, no truth would have been picked."""
    count = len(exam.statements)
    chance = 1 / count if exam.answer else 1 / (count + 1)
    if_true = {one.handle: {"top1": picks.share(one.handle)} for one in exam.statements}
    return Grade(
        score=score,
        chance=chance,
        parts={"top1": score, "top1_chance": chance, "choices": count + 1},
        if_true=if_true if exam.answer else {},
        reasons=picks.reason,
    )
