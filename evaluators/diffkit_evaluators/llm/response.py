"""What a response of the chat completions API holds: text, tool calls, tokens."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from diffkit_evaluators.llm.json_text import find_objects, map_strings, replace_surrogates


def first_choice(response: Any) -> Mapping[str, Any]:
    """The first choice of ``response``; empty where it has none."""
    choices = response.get("choices") if isinstance(response, Mapping) else None
    first = choices[0] if isinstance(choices, list) and choices else None
    return first if isinstance(first, Mapping) else {}


def is_completion(response: Any) -> bool:
    """Whether there is a message in ``response``, from JSON."""
    return isinstance(first_choice(response).get("message"), Mapping)


@dataclass(frozen=True)
class TokenCount:
    """Tokens of one answer."""

    prompt: int
    completion: int


def token_count(response: Mapping[str, Any]) -> TokenCount | None:
    """Its tokens; none where the endpoint does not count both kinds."""
    usage = response.get("usage")
    said = usage if isinstance(usage, Mapping) else {}
    prompt, completion = said.get("prompt_tokens"), said.get("completion_tokens")
    if not (isinstance(prompt, int) and isinstance(completion, int)):
        return None
    return TokenCount(prompt, completion) if min(prompt, completion) >= 0 else None


def serving_model(response: Mapping[str, Any]) -> tuple[str, ...]:
    """The model that answered, and whose machines it ran on where a router says so."""
    told = (response.get("model"), response.get("provider"))
    known = [one for one in told if isinstance(one, str) and one]
    return (" at ".join(known),) if known else ()


Role = Literal["investigator", "grader"]
"""In which a language model is asked."""


@dataclass(frozen=True)
class RequestedCall:
    """A tool that the model calls."""

    id: str
    """By which its result is handed back, as ``tool_call_id``; unique in the answer."""
    name: str
    """As the model wrote it; there may be no such tool."""
    arguments: str
    """As the model wrote them; JSON, or not."""


@dataclass(frozen=True)
class Reply:
    """One answer."""

    text: str
    """What it said; empty where it said nothing."""
    refusal: str
    """Why it, or its endpoint, refused; empty where it did not."""
    tool_calls: tuple[RequestedCall, ...]
    finish: str
    """``stop``, ``length``, ``tool_calls``, …, as the endpoint says."""
    message: Mapping[str, Any]
    """To append to the messages, before the results of its tools."""


_FILTER_REASONS = {"content_filter", "refusal"}

_REASONING = "reasoning_details"  # routers want some models' thoughts back with their tool calls


def parse_reply(response: Mapping[str, Any], turn: int, *, in_words: bool) -> Reply:
    """What ``response`` says.

    Args:
        response: the body of a chat completion.
        turn: a number that no earlier answer of the conversation had, for ids.
        in_words: whether tool calls stand in the text.
    """
    choice = response["choices"][0]
    message = choice["message"]
    text = _content_text(message.get("content"))
    tools = parse_calls(text, turn) if in_words else _native_calls(message, turn)
    finish = str(choice.get("finish_reason") or "")
    refusal = _content_text(message.get("refusal"))
    if not refusal and finish in _FILTER_REASONS:
        refusal = text or f"The endpoint ended the answer: {finish}."
    return Reply(text, refusal, tools, finish, _reply_message(message, text, tools))


def _content_text(content: Any) -> str:
    """Words, of one string or of several parts."""
    if isinstance(content, list):
        parts = (one.get("text") for one in content if isinstance(one, Mapping))
        return "".join(part for part in parts if isinstance(part, str))
    return content if isinstance(content, str) else ""


def _raw_calls(message: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The tool calls that have a function."""
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
    """As they were written, unless they hold what nobody could write down again."""
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
    raw = _raw_calls(message) or [{}] * len(tools)  # there are none where they stand in the text
    calls = [_call_message(tool, one) for tool, one in zip(tools, raw, strict=True)]
    return {"role": "assistant", "content": text or None, "tool_calls": calls, **kept}


def _call_message(tool: RequestedCall, raw: Mapping[str, Any]) -> dict[str, Any]:
    """A call as it goes back, with whatever else the endpoint said of it.

    Arguments are made a JSON object, since some servers refuse a conversation with any others.
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
    """The calls in what a model wrote; ids are made of the number of the turn."""
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
