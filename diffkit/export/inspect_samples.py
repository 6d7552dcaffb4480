"""Attempts as samples of inspect_ai."""

from collections.abc import Mapping
from typing import Any

from inspect_ai.log import EvalError, EvalSample, EvalSampleLimit
from inspect_ai.model import (
    ChatCompletionChoice,
    ChatMessage,
    ChatMessageAssistant,
    ModelOutput,
    ModelUsage,
)
from inspect_ai.scorer import Score

from diffkit.export.conversation import conversation
from diffkit.export.inspect_messages import chat
from diffkit.export.metadata import outcome, place
from diffkit.export.tried import Tried
from diffkit.grader import Grade
from diffkit.runs.digest import digest
from diffkit.verdict import Attempt, Outcome, Usage

_ERRORS = {Outcome.FAILED, Outcome.MODEL_ERROR, Outcome.NO_EVIDENCE}


def sample(one: Tried, target: str) -> EvalSample:
    """An attempt with its truth and its grades; repeats are epochs.

    Args:
        one: the attempt.
        target: the truth.
    """
    first = one.behind.first
    usage = {**one.attempt.usage, **_graders_usage(one)}
    return EvalSample(
        **_said(one),
        id=one.pair,
        uuid=digest([one.attempt.digest, one.pair, one.method]),
        epoch=first.repeat + 1,
        target=target,
        scores={grader: _score(grade, one) for grader, grade in one.grades.items()},
        metadata=outcome(one) | place(one),
        model_usage=_by_model(usage),
        role_usage={role: model_usage(used) for role, used in usage.items()},
    )


def blind_sample(one: Tried) -> EvalSample:
    """An attempt for a grader who shall not know what was compared, or who says so.

    No name, truth, grade or language model's name is in it; its id is how the attempt's digest
    begins.
    """
    handle = one.attempt.digest[:12]
    return EvalSample(
        **_said(one), id=handle, uuid=handle, epoch=1, target="", metadata=outcome(one)
    )


def model_usage(used: Usage) -> ModelUsage:
    """What a language model used; without a cost where that is unknown."""
    return ModelUsage(
        input_tokens=used.prompt_tokens,
        output_tokens=used.completion_tokens,
        total_tokens=used.prompt_tokens + used.completion_tokens,
        total_cost=used.cost,
    )


def _said(one: Tried) -> dict[str, Any]:
    """What was said, and how it ended."""
    attempt = one.attempt
    messages = chat(conversation(one.events), attempt.digest)
    times = [event.at for event in one.events]
    return {
        "input": _opening(messages) or _nothing(attempt),
        "messages": messages,
        "output": _output(messages),
        "started_at": times[0] if times else None,
        "completed_at": times[-1] if times else None,
        "total_time": attempt.seconds,
        "error": _error(one),
        "limit": _limit(one),
    }


def _opening(messages: list[ChatMessage]) -> list[ChatMessage]:
    """What was said before the language model first answered."""
    answers = (n for n, one in enumerate(messages) if isinstance(one, ChatMessageAssistant))
    return messages[: next(answers, len(messages))]


def _nothing(attempt: Attempt) -> str:
    return "(the transcript is lost)" if attempt.usage else "(no language model was asked)"


def _output(messages: list[ChatMessage]) -> ModelOutput:
    answers = [one for one in messages if isinstance(one, ChatMessageAssistant)]
    return ModelOutput(choices=[ChatCompletionChoice(message=one) for one in answers[-1:]])


def _error(one: Tried) -> EvalError | None:
    if one.attempt.outcome not in _ERRORS:
        return None
    what = one.attempt.error or one.attempt.outcome.value
    return EvalError(message=what, traceback="", traceback_ansi="")


def _limit(one: Tried) -> EvalSampleLimit | None:
    if one.attempt.outcome is not Outcome.BUDGET_SPENT:
        return None
    calls = sum(used.calls for used in one.attempt.usage.values())
    return EvalSampleLimit(type="custom", limit=calls, reason=one.attempt.error or None)


def _score(grade: Grade | None, one: Tried) -> Score:
    claim = one.attempt.verdict.claim if one.attempt.verdict else None
    if grade is None:
        return Score.unscored(reason="the grader failed", answer=claim)
    metadata = {"chance": grade.chance, **grade.parts}
    return Score(value=grade.score, answer=claim, explanation=grade.reasons, metadata=metadata)


def _graders_usage(one: Tried) -> dict[str, Usage]:
    return {
        f"{role} {name}": used
        for name, grade in one.grades.items()
        if grade
        for role, used in grade.usage.items()
    }


def _by_model(usage: Mapping[str, Usage]) -> dict[str, ModelUsage]:
    found: dict[str, ModelUsage] = {}
    for used in usage.values():
        known = found.get(used.model)
        found[used.model] = known + model_usage(used) if known else model_usage(used)
    return found
