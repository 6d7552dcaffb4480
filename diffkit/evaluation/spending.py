"""What attempts and grades cost."""

from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean

from diffkit.evaluation.graded import Graded
from diffkit.evaluation.quantities import RoleUse
from diffkit.verdict import Usage

Used = Mapping[str, Usage]
"""Role → what one attempt, or one grade, used."""


def spending(cases: Sequence[Graded]) -> dict[str, object]:
    """The columns of a row that say what attempts came to, each attempt counted once."""
    attempts = {case.judged.attempt: case.attempt for case in cases}.values()
    grades = {case.judged.grade: case.grade for case in cases if case.grade}.values()
    return {
        "repeats": 1 + max(case.judged.repeat for case in cases),
        "questions": fmean(attempt.questions for attempt in attempts),
        "attempt_seconds": fmean(attempt.seconds for attempt in attempts),
        "usage": {
            **_means([attempt.usage for attempt in attempts]),
            **_means([grade.usage for grade in grades]),
        },
    }


def _means(used: Sequence[Used]) -> dict[str, RoleUse]:
    """By role; whoever asked nothing counts with nothing."""
    roles = sorted({role for one in used for role in one})
    return {role: _mean([one[role] for one in used if role in one], len(used)) for role in roles}


def _mean(known: Sequence[Usage], count: int) -> RoleUse:
    def mean(values: Iterable[float]) -> float:
        return sum(values) / count

    costs = [usage.cost for usage in known if usage.calls]
    return RoleUse(
        models=tuple(sorted({usage.model for usage in known})),
        calls=mean(usage.calls for usage in known),
        prompt_tokens=mean(usage.prompt_tokens for usage in known),
        completion_tokens=mean(usage.completion_tokens for usage in known),
        cost=None if None in costs else mean(cost for cost in costs if cost is not None),
    )
