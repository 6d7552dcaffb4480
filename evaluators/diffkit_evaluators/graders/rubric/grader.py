"""The grader that has a language model mark a claim by a rubric."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from diffkit import (
    Attempt,
    Estimate,
    Exam,
    Grade,
    GradeContext,
    Grader,
    MethodConfig,
    UserError,
)
from diffkit_evaluators.graders.claims import claim_of, nonce
from diffkit_evaluators.graders.decided import Decided, decided
from diffkit_evaluators.graders.judge import CHARACTERS_PER_TOKEN, TRIES, check_judge
from diffkit_evaluators.graders.rubric.config import RubricConfig
from diffkit_evaluators.graders.rubric.marks import Marks
from diffkit_evaluators.graders.rubric.measure import Measured, agreement, measured, middle
from diffkit_evaluators.graders.rubric.prompt import messages
from diffkit_evaluators.graders.rubric.rubrics import GENERIC, Rubric, rubric_for
from diffkit_evaluators.graders.rubric.truths import facts_of, wrong_truths
from diffkit_evaluators.lm import LanguageModel, structured

NULL_CHANCE = 0.5
"""Of a coin that says whether something targeted was done."""
PROMPT_CHARACTERS = 12_000
"""Task, rubric, schema and truth, for estimates alone."""


class RubricGrader(Grader[RubricConfig]):
    """A language model splits the claim into assertions, and matches these and the key facts.

    The score is the F1 of recall (facts of the truth that the claim says) and precision (assertions
    of what was done that the truth supports): hedges, lists of alternatives and padding cost
    precision, so that nothing is gained by naming everything. Of ``repeats`` judgements the one
    of the median F1 counts.

    Chance is the score of the same claim against other truths on the same base, marked in the same
    way by the generic rubric: what is true of any organism earns nothing beside it. Whoever ranks
    the truths was shown them, and may copy one drawn blindly: there chance is 1/K at least.

    Where the verdict's ``change`` alone decides, as always on nulls, nobody is asked; of an
    organism nothing is then found: recall, precision and level are 0.
    """

    def grade(
        self, attempt: Attempt, exam: Exam, config: RubricConfig, context: GradeContext
    ) -> Grade:
        """Marks the claim of ``attempt``.

        Raises:
            LanguageModelError: the judge cannot be reached, refuses, or gives no marks.
        """
        if found := decided(attempt, exam):
            return _unread(found, attempt, exam)
        claim = claim_of(attempt, config.claim_characters)
        judge = _Judge(LanguageModel(config, "grader", context.talk), claim)
        own = rubric_for(exam.family)
        repeats = [judge(facts_of(exam), own, repeat) for repeat in range(config.repeats)]
        wrong = [
            judge(facts, rubric_for(GENERIC), 0).f1
            for facts in wrong_truths(exam, config.chance_truths)
        ]
        return _grade(repeats, chance=max(fmean(wrong or [0.0]), _copied(attempt, exam)))

    def check(self, config: RubricConfig, investigator: MethodConfig) -> None:
        """Refuses a missing model, one of the investigator's family, and one that cannot be asked.

        Raises:
            UserError: any of it is so.
        """
        if config.model is None:
            cure = "Set its option model, such as openai/NAME."
            raise UserError("The grader 'rubric' needs a language model.", cure=cure)
        check_judge(config, investigator)

    def estimate(self, config: RubricConfig) -> Estimate | None:
        """Every judgement, each asked for as often as it may be."""
        if config.model is None:
            return None
        calls = min(config.max_calls, TRIES * (config.repeats + config.chance_truths))
        prompt = (PROMPT_CHARACTERS + config.claim_characters) // CHARACTERS_PER_TOKEN
        return Estimate(
            role="grader",
            model=config.model.name,
            calls=calls,
            prompt_tokens=calls * prompt,
            completion_tokens=calls * config.max_completion_tokens,
            dollars=config.max_dollars,
        )


@dataclass(frozen=True)
class _Judge:
    """Marks one claim against any facts."""

    model: LanguageModel
    claim: str

    def __call__(self, facts: Sequence[str], rubric: Rubric, repeat: int) -> Measured:
        mark = nonce(self.claim, *facts, str(repeat))
        asked = messages(rubric, facts, self.claim, mark)
        marks = structured(self.model, asked, Marks, tries=TRIES)
        return measured(marks, len(facts), self.claim)


def _copied(attempt: Attempt, exam: Exam) -> float:
    """Chance that a truth copied blindly is the right one; 0 where no truths were shown."""
    shown = attempt.verdict is not None and attempt.verdict.ranking
    return 1 / len(exam.statements) if shown else 0.0


def _unread(found: Decided, attempt: Attempt, exam: Exam) -> Grade:
    """The grade of a claim that is not marked; its parts count with those that are."""
    if exam.answer is None:
        return Grade(score=found.score, chance=NULL_CHANCE, reasons=found.reason)
    return Grade(
        score=found.score,
        chance=_copied(attempt, exam),
        parts={"recall": 0, "precision": 0, "level": 0},
        reasons=found.reason,
    )


def _grade(repeats: Sequence[Measured], chance: float) -> Grade:
    chosen, agreed = middle(repeats), agreement(repeats)
    parts = {"recall": chosen.recall, "precision": chosen.precision, "level": chosen.level}
    return Grade(
        score=chosen.f1,
        chance=chance,
        parts=parts if agreed is None else parts | {"agreement": agreed},
        reasons=chosen.reason,
    )
