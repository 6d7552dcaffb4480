"""Attempts, verdicts and grades as labelled fields, for the terminal and for HTML."""

from collections.abc import Iterator, Mapping

from diffkit.grader import Grade
from diffkit.plain_text import formatting
from diffkit.render import labels
from diffkit.verdict import Attempt, Detection, Prediction, Usage, Verdict

LabelledField = tuple[str, str]
"""A label and what it stands for, not yet cleaned."""

USAGE = ("role", "model", "calls", "remembered", "prompt tokens", "completion tokens", "cost")
"""Columns of `usage`; from the third on they are numbers."""


def money(dollars: float | None) -> str:
    """US dollars; an unknown price is said to be unknown."""
    return "unknown" if dollars is None else f"${formatting.number(float(dollars))}"


def cost(usage: Mapping[str, Usage]) -> float | None:
    """US dollars of all roles; none where one of them is unknown."""
    costs = [one.cost for one in usage.values()]
    known = [one for one in costs if one is not None]
    return sum(known) if known and len(known) == len(costs) else None


def usage(roles: Mapping[str, Usage]) -> tuple[tuple[str, ...], ...]:
    """A row for each role, under `USAGE`."""
    return tuple(
        (
            role,
            _model(one),
            *(f"{count:,}" for count in (one.calls, one.remembered)),
            *(f"{count:,}" for count in (one.prompt_tokens, one.completion_tokens)),
            money(one.cost),
        )
        for role, one in roles.items()
    )


def _model(one: Usage) -> str:
    served = [name for name in one.served if name != one.model]
    return f"{one.model} (served: {', '.join(served)})" if served else one.model


def of(record: Attempt | Grade) -> tuple[LabelledField, ...]:
    """What an attempt or a grade came to."""
    return tuple(_attempt(record) if isinstance(record, Attempt) else _grade(record))


def _attempt(attempt: Attempt) -> Iterator[LabelledField]:
    yield "outcome", attempt.outcome.value
    if attempt.error:
        yield "error", attempt.error
    yield "questions", str(attempt.questions)
    yield "took", formatting.duration(attempt.seconds)
    if attempt.verdict:
        yield from verdict_fields(attempt.verdict)


def _grade(grade: Grade) -> Iterator[LabelledField]:
    yield "score", f"{formatting.number(grade.score)}, by chance {formatting.number(grade.chance)}"
    for name, value in grade.parts.items():
        yield name, formatting.number(value)
    if grade.reasons:
        yield "reasons", grade.reasons


def verdict_fields(verdict: Verdict) -> Iterator[LabelledField]:
    """All that a verdict says."""
    yield "change", verdict.change
    yield "claim", formatting.NONE if verdict.claim is None else verdict.claim
    yield "p targeted", formatting.number(verdict.p_targeted)
    yield "p claim", formatting.number(verdict.p_claim)
    if verdict.ranking:
        yield "ranking", ", ".join(verdict.ranking)
    for prediction in verdict.predictions:
        yield "predicts", _prediction(prediction)
    if verdict.cited:
        yield "rests on", ", ".join(verdict.cited)
    if verdict.detection:
        yield "detection", _detection(verdict.detection)


def _prediction(one: Prediction) -> str:
    bet = f"{formatting.percent(one.p)}: the {one.side} side says {one.phrase!r} more often"
    return f"{bet}, asked {one.prompt!r}"


def _detection(test: Detection) -> str:
    rungs = ", ".join(
        f"{name} {formatting.number(rung.p)} of {rung.n}" for name, rung in test.rungs.items()
    )
    beside = f" ({rungs})" if rungs else ""
    exact = f"p {formatting.number(test.p)} at {formatting.number(test.alpha)}{beside}"
    assumed = {name: rung.t_p for name, rung in test.rungs.items() if rung.t_p is not None}
    if not assumed:
        return exact
    each = ", ".join(f"{name} {formatting.number(p)}" for name, p in assumed.items())
    return f"{exact}; p {formatting.number(test.t_p)} if {labels.NORMAL} ({each})"
