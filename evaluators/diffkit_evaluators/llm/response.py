"""What a response of the chat completions API holds: text, tool calls, tokens."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from diffkit_evaluators.llm.json_text import (
    find_objects,
    map_strings,
    replace_surrogates,
    within_reasoning,
)


def first_choice(response: Any) -> Mapping[str, Any]:
    """The first choice of ``response``; empty if it has none."""
    choices = response.get("choices") if isinstance(response, Mapping) else None
    first = choices[0] if isinstance(choices, list) and choices else None
    return first if isinstance(first, Mapping) else {}


def is_completion(response: Any) -> bool:
    """Whether the JSON value ``response`` contains a message."""
    return isinstance(first_choice(response).get("message"), Mapping)


@dataclass(frozen=True)
class TokenCount:
    """Number of tokens of a prompt and its answer."""

    prompt: int
    completion: int


def token_count(response: Mapping[str, Any]) -> TokenCount | None:
    """The tokens of ``response``, if the endpoint counts both kinds."""
    usage = response.get("usage")
    counts = usage if isinstance(usage, Mapping) else {}
    prompt, completion = counts.get("prompt_tokens"), counts.get("completion_tokens")
    if not (isinstance(prompt, int) and isinstance(completion, int)):
        return None
    return TokenCount(prompt, completion) if min(prompt, completion) >= 0 else None


def serving_model(response: Mapping[str, Any]) -> tuple[str, ...]:
    """The model that answered, with its provider where a router names one."""
    names = (response.get("model"), response.get("provider"))
    known = [name for name in names if isinstance(name, str) and name]
    return (" at ".join(known),) if known else ()


Role = Literal["investigator", "grader"]
"""The part that a language model has in an evaluation."""


@dataclass(frozen=True)
class RequestedCall:
    """A tool call that the model requests."""

    id: str
    """The ``tool_call_id`` of its result; unique in the answer."""
    name: str
    """As the model wrote it; no such tool may exist."""
    arguments: str
    """As the model wrote them; possibly invalid JSON."""


@dataclass(frozen=True)
class Reply:
    """One answer of a language model."""

    text: str
    """Its text; possibly empty."""
    refusal: str
    """Why the model or its endpoint refused; empty if neither did."""
    tool_calls: tuple[RequestedCall, ...]
    finish: str
    """The endpoint's finish reason: ``stop``, ``length``, ``tool_calls``, …"""
    message: Mapping[str, Any]
    """The message to append to the conversation, before the results of its tools."""
    cut_off: bool = False
    """Whether it ended at its maximum length, or within its reasoning. Such an answer is a draft:
    it has no tool calls, and nothing in its text counts."""


CUT_OFF = "(This answer was cut off.)"
"""Stands for an answer that was cut off, in the conversation that goes on."""

_CUT_REASONS = frozenset(
    {
        "incomplete",
        "length",
        "length_capped",
        "max_completion_tokens",
        "max_length",
        "max_new_tokens",
        "max_output_tokens",
        "max_tokens",
        "model_context_window_exceeded",
        "model_length",
        "token_limit",
    }
)

_FINISH_FIELDS = ("finish_reason", "stop_reason", "native_finish_reason", "done_reason")


def _was_cut_off(choice: Mapping[str, Any], text: str) -> bool:
    """Whether an answer ended before its end, by any of the words for it, or by its reasoning."""
    reasons = (choice.get(name) for name in _FINISH_FIELDS)
    named = any(isinstance(one, str) and one.lower() in _CUT_REASONS for one in reasons)
    return named or within_reasoning(text)


_FILTER_REASONS = {"content_filter", "refusal"}

_REASONING = "reasoning_details"  # some routers require a model's reasoning with its tool calls


def parse_reply(response: Mapping[str, Any], turn: int, *, calls_in_text: bool) -> Reply:
    """Reads the reply from a response.

    Args:
        response: the body of a chat completion.
        turn: a number for ids, different for each answer of the conversation.
        calls_in_text: whether tool calls are written in the text.
    """
    choice = response["choices"][0]
    message = choice["message"]
    text = _content_text(message.get("content"))
    if _was_cut_off(choice, text):
        refused = _content_text(message.get("refusal"))
        stand_in = {"role": "assistant", "content": CUT_OFF}
        finish = str(choice.get("finish_reason") or "length")
        return Reply(text, refused, (), finish, stand_in, cut_off=True)
    tools = parse_calls(text, turn) if calls_in_text else _native_calls(message, turn)
    finish = str(choice.get("finish_reason") or "")
    refusal = _content_text(message.get("refusal"))
    if not refusal and finish in _FILTER_REASONS:
        refusal = text or f"The endpoint ended the answer: {finish}."
    return Reply(text, refusal, tools, finish, _reply_message(message, text, tools))


def _content_text(content: Any) -> str:
    """The text of a message's content: one string, or several parts."""
    if isinstance(content, list):
        parts = (one.get("text") for one in content if isinstance(one, Mapping))
        return "".join(part for part in parts if isinstance(part, str))
    return content if isinstance(content, str) else ""


def _raw_calls(message: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The tool calls that name a function."""
    asked = message.get("tool_calls")
    return [
        call
        for call in (asked if isinstance(asked, list) else ())
        if isinstance(call, Mapping) and isinstance(call.get("function"), Mapping)
    ]


def _native_calls(message: Mapping[str, Any], turn: int) -> tuple[RequestedCall, ...]:
    calls = _raw_calls(message)
    given = [str(call.get("id") or "") for call in calls]
    distinct = all(given) and len({*given}) == len(given)
    return tuple(
        RequestedCall(
            id=given[number] if distinct else f"call-{turn}-{number}",
            name=str(call["function"].get("name") or ""),
            arguments=_raw_arguments(call["function"].get("arguments")),
        )
        for number, call in enumerate(calls)
    )


def _raw_arguments(given: Any) -> str:
    """Arguments as the model wrote them, without characters that UTF-8 cannot encode."""
    if not isinstance(given, str):
        return json.dumps({} if given is None else given)
    try:
        value = json.loads(given)
    except (ValueError, RecursionError):
        return given
    kept = map_strings(value, replace_surrogates)
    return given if kept == value else json.dumps(kept, ensure_ascii=False)


def _reply_message(
    message: Mapping[str, Any], text: str, tools: tuple[RequestedCall, ...]
) -> dict[str, Any]:
    """The answer as a message of the next request."""
    if not tools:
        return {"role": "assistant", "content": text}
    kept = {_REASONING: message[_REASONING]} if message.get(_REASONING) else {}
    raw = _raw_calls(message) or [{}] * len(tools)  # empty where calls are written in the text
    calls = [_call_message(tool, one) for tool, one in zip(tools, raw, strict=True)]
    return {"role": "assistant", "content": text or None, "tool_calls": calls, **kept}


def _call_message(tool: RequestedCall, raw: Mapping[str, Any]) -> dict[str, Any]:
    """A call as it is sent back, with the endpoint's further fields.

    Arguments become a JSON object, since some servers refuse a conversation with anything else.
    """
    function = {"name": tool.name, "arguments": _object_arguments(tool.arguments)}
    return {**raw, "id": tool.id, "type": "function", "function": function}


def _object_arguments(arguments: str) -> str:
    try:
        whole = isinstance(json.loads(arguments), dict)
    except (ValueError, RecursionError):
        whole = False
    return arguments if whole else json.dumps({"malformed": arguments})


def parse_calls(text: str, turn: int) -> tuple[RequestedCall, ...]:
    """The tool calls in a model's text; ids contain the number of the turn."""
    return tuple(
        RequestedCall(
            id=f"call-{turn}-{number}", name=str(name), arguments=_arguments_text(arguments)
        )
        for number, (name, arguments) in enumerate(_text_calls(text))
    )


def _text_calls(text: str) -> Iterator[tuple[Any, Any]]:
    for one in find_objects(text, at_line_starts=True):
        name = one.get("tool", one.get("name"))
        if name is not None:
            yield name, one.get("arguments", {})


def _arguments_text(arguments: Any) -> str:
    return arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
