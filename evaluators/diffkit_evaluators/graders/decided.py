"""Where nobody need read the claim: the verdict's change alone decides."""

from dataclasses import dataclass

from diffkit import Attempt, Exam
from diffkit_evaluators.graders.claims import claim_of


@dataclass(frozen=True)
class Decided:
    """A score that needs no judge."""

    score: float
    """0 or 1."""
    reason: str


def decided(attempt: Attempt, exam: Exam) -> Decided | None:
    """The score that the verdict's ``change`` decides; none where the claim must be read.

    "Nothing targeted" (``none`` or ``unspecific``) is right on nulls and wrong on organisms. On
    nulls nothing else is right, whatever is claimed, so no claim about one is ever read. Whoever
    says nothing is not right.
    """
    verdict, null = attempt.verdict, exam.answer is None
    if verdict is None:
        return Decided(0.0, f"There is no verdict: {attempt.outcome.value}.")
    if verdict.change in {"none", "unspecific"}:
        return Decided(float(null), f"It says {verdict.change!r}, which is {_right(null)}.")
    if null:
        return Decided(0.0, f"It says {verdict.change!r} where nothing targeted was done.")
    if not claim_of(attempt, limit=1):
        return Decided(0.0, f"It says {verdict.change!r} and claims nothing.")
    return None


def _right(null: bool) -> str:
    return "right" if null else "wrong: something targeted was done"
