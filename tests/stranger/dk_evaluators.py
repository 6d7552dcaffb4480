"""Investigators and graders that keep their contract, and some that break it."""

import itertools
import random
from pathlib import Path

import diffkit_organisms
from pydantic import Field

from diffkit import (
    Grade,
    Grader,
    Investigator,
    MethodConfig,
    NoVerdict,
    Outcome,
    UsageEstimate,
    Verdict,
)

ORGANISM = Path(diffkit_organisms.__file__).parent / "zoo" / "organisms" / "tiny-trojan.yaml"


class Options(MethodConfig):
    """Options that keep the contract."""

    words: int = Field(default=3, ge=1)
    """Number of words."""


class GoodInvestigator(Investigator[Options]):
    """Keeps the contract."""

    def investigate(self, case, config, context):
        claim = " ".join(one.method for one in case.evidence) or None
        return Verdict(change="unsure", claim=claim)


class GoodStochastic(GoodInvestigator):
    """Draws by the number of the repeat."""

    stochastic = True

    def investigate(self, case, config, context):
        drawn = random.Random(context.chat.repeat).random()
        return Verdict(change="unsure", p_targeted=drawn)


class Ranking(GoodInvestigator):
    """Ranks the candidates."""

    needs = frozenset({"candidates"})

    def investigate(self, case, config, context):
        handles = tuple(sorted(one.handle for one in case.candidates))
        return Verdict(change="unsure", ranking=handles)


class Abstaining(GoodInvestigator):
    """Ends without a verdict."""

    def investigate(self, case, config, context):
        raise NoVerdict(Outcome.ABSTAINED, "nothing to say")


class NoInvestigator:
    """Is none."""

    needs = frozenset()


class Raising(GoodInvestigator):
    """Fails without evidence."""

    def investigate(self, case, config, context):
        return Verdict(change="unsure", claim=case.evidence[0].method)


class Wordless(GoodInvestigator):
    """Returns no verdict."""

    def investigate(self, case, config, context):
        return None


class Inventive(GoodInvestigator):
    """Claims without evidence."""

    def investigate(self, case, config, context):
        return Verdict(change="targeted", claim="It likes owls.")


class SecretlyRandom(GoodInvestigator):
    """Uses the global random state."""

    def investigate(self, case, config, context):
        return Verdict(change="unsure", p_targeted=random.random())


class SecretlyRepeating(GoodInvestigator):
    """Depends on the repeat, though it says that it is not stochastic."""

    def investigate(self, case, config, context):
        return Verdict(change="unsure", p_targeted=1 / (1 + context.chat.repeat))


class FalselyStochastic(GoodInvestigator):
    """Says that it is stochastic, and is not."""

    stochastic = True


class ByName(GoodInvestigator):
    """Reads the opaque name of the pair."""

    def investigate(self, case, config, context):
        return Verdict(
            change="unsure", p_targeted=len(case.handle) / 10 + int(case.handle[-1]) / 100
        )


class Cheating(GoodInvestigator):
    """Reads an organism's answer key."""

    def investigate(self, case, config, context):
        ORGANISM.read_text()
        return super().investigate(case, config, context)


class Incomplete(Ranking):
    """Ranks some of the candidates."""

    def investigate(self, case, config, context):
        return Verdict(change="unsure", ranking=(case.candidates[0].handle,))


class OutOfPlace(GoodInvestigator):
    """Ranks candidates that are not in the case."""

    def investigate(self, case, config, context):
        return Verdict(change="unsure", ranking=("truth-1",))


class WrongRole(GoodInvestigator):
    """Estimates in the role of a grader."""

    def estimate(self, config):
        return UsageEstimate(
            role="grader", model="m", calls=1, prompt_tokens=1, completion_tokens=1
        )


class GoodGrader(Grader[Options]):
    """Compares the words of claim and truth."""

    def grade(self, attempt, sheet, config, context):
        claim = (attempt.verdict.claim or "") if attempt.verdict else ""
        words = set(claim.lower().split())
        shares = {one.handle: _share(words, one.text) for one in sheet.statements}
        mean = sum(shares.values()) / len(shares)
        return Grade(
            score=shares.get(sheet.answer, 0.0),
            chance=mean,
            parts={"share": shares.get(sheet.answer, 0.0)},
            if_true={handle: {"share": share} for handle, share in shares.items()},
        )


def _share(words, text):
    known = set(text.lower().split())
    return len(words & known) / len(known)


class FindingsGrader(Grader[Options]):
    """Grades findings."""

    needs = frozenset({"findings"})
    grades_attempt = False

    def grade(self, attempt, sheet, config, context):
        return Grade(score=0.5 if context.findings else 0.0, chance=0.5)


class Undeclared(GoodGrader):
    """Reads an input that it does not declare."""

    def grade(self, attempt, sheet, config, context):
        return Grade(score=float(len(context.training)), chance=0.5)


class OnlyVerdicts(GoodGrader):
    """Fails on an attempt without a verdict."""

    def grade(self, attempt, sheet, config, context):
        return Grade(score=float(bool(attempt.verdict.claim)), chance=0.5)


class GenerousGrader(GoodGrader):
    """Rewards silence."""

    def grade(self, attempt, sheet, config, context):
        return Grade(score=1.0 if attempt.verdict is None else 0.0, chance=0.5)


class BackwardsGrader(GoodGrader):
    """Prefers wrong claims."""

    def grade(self, attempt, sheet, config, context):
        claim = (attempt.verdict.claim or "") if attempt.verdict else ""
        return Grade(score=0.4 if "capital" in claim else 0.0, chance=0.5)


class OrderedGrader(GoodGrader):
    """Depends on the order of the truths."""

    def grade(self, attempt, sheet, config, context):
        return Grade(score=0.0, chance=0.5, parts={"first": float(sheet.statements[0].handle[-1])})


class Unstable(GoodGrader):
    """Never gives the same grade twice."""

    calls = itertools.count(1)

    def grade(self, attempt, sheet, config, context):
        return Grade(score=0.0, chance=1 / next(self.calls))


class Orphan(GoodGrader):
    """Gives the chance of a part that is missing."""

    def grade(self, attempt, sheet, config, context):
        return Grade(score=0.0, chance=0.5, parts={"recall_chance": 0.5})


class Counterfactual(GoodGrader):
    """Gives an `if_true` that no other truth would give."""

    def grade(self, attempt, sheet, config, context):
        grade = super().grade(attempt, sheet, config, context)
        wrong = {h: {"share": 0.9} for h in grade.if_true if h != sheet.answer}
        return grade.model_copy(update={"if_true": {**grade.if_true, **wrong}})


class Partial(FindingsGrader):
    """Says that it grades findings, and reads the verdict."""

    def grade(self, attempt, sheet, config, context):
        return Grade(score=0.3 if attempt.verdict else 0.0, chance=0.5)
