"""Attempts as samples of inspect_ai."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from inspect_ai.log import EvalError, EvalSample, EvalSampleLimit
from inspect_ai.model import (
    ChatCompletionChoice,
    ChatMessage,
    ChatMessageAssistant,
    ChatMessageSystem,
    ChatMessageTool,
    ChatMessageUser,
    ContentReasoning,
    ContentText,
    ModelOutput,
    ModelUsage,
)
from inspect_ai.scorer import Score
from inspect_ai.tool import ToolCall

from diffkit.chat.messages import ApiMessage, ApiToolCall, message_text, reasoning_text, tool_calls
from diffkit.export.attempts import ExportedAttempt
from diffkit.export.conversation import conversation
from diffkit.grader import Grade
from diffkit.runs.digest import digest
from diffkit.verdict import Attempt, Outcome, Usage


def chat_messages(messages: Iterable[ApiMessage], digest: str) -> list[ChatMessage]:
    """Messages of the chat completions API as inspect_ai's.

    Args:
        messages: in their order.
        digest: of the attempt; ids of messages are drawn from it, so that a second export is alike.
    """
    return [_chat_message(one, f"{digest[:12]}-{number}") for number, one in enumerate(messages)]


def _chat_message(message: ApiMessage, name: str) -> ChatMessage:
    text = message_text(message)
    match message.get("role"):
        case "system" | "developer":
            return ChatMessageSystem(id=name, content=text)
        case "assistant":
            return _assistant(message, name)
        case "tool":
            call, function = message.get("tool_call_id"), message.get("name")
            return ChatMessageTool(id=name, content=text, tool_call_id=call, function=function)
        case _:
            return ChatMessageUser(id=name, content=text)


def _assistant(message: ApiMessage, name: str) -> ChatMessageAssistant:
    thoughts = reasoning_text(message)
    text = message_text(message) or message_text(message, "refusal")
    parts = [ContentReasoning(reasoning=thoughts), ContentText(text=text)]
    calls = [_tool_call(one) for one in tool_calls(message)]
    content = parts if thoughts else text
    return ChatMessageAssistant(id=name, content=content, tool_calls=calls or None)


def _tool_call(call: ApiToolCall) -> ToolCall:
    try:
        arguments = json.loads(call.arguments)
    except ValueError as error:
        return ToolCall(id=call.id, function=call.name, arguments={}, parse_error=str(error))
    if not isinstance(arguments, dict):
        arguments = {"arguments": arguments}
    return ToolCall(id=call.id, function=call.name, arguments=arguments)


def outcome_metadata(one: ExportedAttempt) -> dict[str, Any]:
    """What the attempt came to."""
    attempt = one.attempt
    said = attempt.verdict.model_dump(mode="json") if attempt.verdict else None
    return {
        "attempt": attempt.digest,
        "outcome": attempt.outcome.value,
        "error": attempt.error,
        "questions": attempt.questions,
        "verdict": said,
        "guesses": [guess.model_dump(mode="json") for guess in attempt.guesses],
    }


def pair_metadata(one: ExportedAttempt) -> dict[str, Any]:
    """What it was an attempt at."""
    entry, first = one.behind.entry, one.behind.first
    names = {"organism", "family", "truth", "base", "variant", "role", "seed", "run", "lexical"}
    return {
        **entry.model_dump(mode="json", include=names),
        "method": one.method,
        "methods": list(one.behind.methods),
        "arm": first.arm,
        "repeat": first.repeat,
        "grades": {ref.grader: ref.grade for ref in one.behind.refs},
        "grader_errors": {ref.grader: ref.error for ref in one.behind.refs if ref.error},
    }


_ERRORS = {Outcome.FAILED, Outcome.MODEL_ERROR, Outcome.NO_EVIDENCE}


def sample(one: ExportedAttempt, target: str) -> EvalSample:
    """An attempt with its truth and its grades; repeats are epochs.

    Args:
        one: the attempt.
        target: the truth.
    """
    first = one.behind.first
    usage = {**one.attempt.usage, **_graders_usage(one)}
    return EvalSample(
        **_transcript_fields(one),
        id=one.pair,
        uuid=digest([one.attempt.digest, one.pair, one.method]),
        epoch=first.repeat + 1,
        target=target,
        scores={grader: _score(grade, one) for grader, grade in one.grades.items()},
        metadata=outcome_metadata(one) | pair_metadata(one),
        model_usage=_by_model(usage),
        role_usage={role: model_usage(used) for role, used in usage.items()},
    )


def blind_sample(one: ExportedAttempt) -> EvalSample:
    """An attempt for a grader who shall not know what was compared, or who says so.

    No name, truth, grade or language model's name is in it; its id is how the attempt's digest
    begins.
    """
    handle = one.attempt.digest[:12]
    return EvalSample(
        **_transcript_fields(one),
        id=handle,
        uuid=handle,
        epoch=1,
        target="",
        metadata=outcome_metadata(one),
    )


def model_usage(used: Usage) -> ModelUsage:
    """What a language model used; without a cost where that is unknown."""
    return ModelUsage(
        input_tokens=used.prompt_tokens,
        output_tokens=used.completion_tokens,
        total_tokens=used.prompt_tokens + used.completion_tokens,
        total_cost=used.cost,
    )


def _transcript_fields(one: ExportedAttempt) -> dict[str, Any]:
    """What was said, and how it ended."""
    attempt = one.attempt
    messages = chat_messages(conversation(one.events), attempt.digest)
    times = [event.at for event in one.events]
    return {
        "input": _input_messages(messages) or _no_messages(attempt),
        "messages": messages,
        "output": _output(messages),
        "started_at": times[0] if times else None,
        "completed_at": times[-1] if times else None,
        "total_time": attempt.seconds,
        "error": _error(one),
        "limit": _limit(one),
    }


def _input_messages(messages: list[ChatMessage]) -> list[ChatMessage]:
    """What was said before the language model first answered."""
    answers = (n for n, one in enumerate(messages) if isinstance(one, ChatMessageAssistant))
    return messages[: next(answers, len(messages))]


def _no_messages(attempt: Attempt) -> str:
    return "(the transcript is lost)" if attempt.usage else "(no language model was asked)"


def _output(messages: list[ChatMessage]) -> ModelOutput:
    answers = [one for one in messages if isinstance(one, ChatMessageAssistant)]
    return ModelOutput(choices=[ChatCompletionChoice(message=one) for one in answers[-1:]])


def _error(one: ExportedAttempt) -> EvalError | None:
    if one.attempt.outcome not in _ERRORS:
        return None
    what = one.attempt.error or one.attempt.outcome.value
    return EvalError(message=what, traceback="", traceback_ansi="")


def _limit(one: ExportedAttempt) -> EvalSampleLimit | None:
    if one.attempt.outcome is not Outcome.BUDGET_SPENT:
        return None
    calls = sum(used.calls for used in one.attempt.usage.values())
    return EvalSampleLimit(type="custom", limit=calls, reason=one.attempt.error or None)


def _score(grade: Grade | None, one: ExportedAttempt) -> Score:
    claim = one.attempt.verdict.claim if one.attempt.verdict else None
    if grade is None:
        return Score.unscored(reason="the grader failed", answer=claim)
    metadata = {"chance": grade.chance, **grade.parts}
    return Score(value=grade.score, answer=claim, explanation=grade.reasons, metadata=metadata)


def _graders_usage(one: ExportedAttempt) -> dict[str, Usage]:
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
