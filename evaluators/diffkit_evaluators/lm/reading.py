"""A response as a reply."""

import json
from collections.abc import Mapping
from typing import Any

from diffkit_evaluators.lm.jsons import each_text, writable
from diffkit_evaluators.lm.reply import AskedTool, Reply
from diffkit_evaluators.lm.words import called

_FILTERED = {"content_filter", "refusal"}
_REASONING = "reasoning_details"  # routers want some models' thoughts back with their tool calls


def read(response: Mapping[str, Any], turn: int, *, in_words: bool) -> Reply:
    """What ``response`` says.

    Args:
        response: the body of a chat completion.
        turn: a number that no earlier answer of the conversation had, for ids.
        in_words: whether tool calls stand in the text.
    """
    choice = response["choices"][0]
    message = choice["message"]
    text = _text(message.get("content"))
    tools = called(text, turn) if in_words else _native(message, turn)
    finish = str(choice.get("finish_reason") or "")
    refusal = _text(message.get("refusal"))
    if not refusal and finish in _FILTERED:
        refusal = text or f"The endpoint ended the answer: {finish}."
    return Reply(text, refusal, tools, finish, _again(message, text, tools))


def _text(content: Any) -> str:
    """Words, of one string or of several parts."""
    if isinstance(content, list):
        parts = (one.get("text") for one in content if isinstance(one, Mapping))
        return "".join(part for part in parts if isinstance(part, str))
    return content if isinstance(content, str) else ""


def _raw(message: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The tool calls that have a function."""
    asked = message.get("tool_calls")
    return [
        call
        for call in (asked if isinstance(asked, list) else ())
        if isinstance(call, Mapping) and isinstance(call.get("function"), Mapping)
    ]


def _native(message: Mapping[str, Any], turn: int) -> tuple[AskedTool, ...]:
    calls = _raw(message)
    given = [str(call.get("id") or "") for call in calls]
    distinct = all(given) and len({*given}) == len(given)
    return tuple(
        AskedTool(
            id=given[number] if distinct else f"call-{turn}-{number}",
            name=str(call["function"].get("name") or ""),
            arguments=_arguments(call["function"].get("arguments")),
        )
        for number, call in enumerate(calls)
    )


def _arguments(given: Any) -> str:
    """As they were written, unless they hold what nobody could write down again."""
    if not isinstance(given, str):
        return json.dumps({} if given is None else given)
    try:
        value = json.loads(given)
    except (ValueError, RecursionError):
        return given
    kept = each_text(value, writable)
    return given if kept == value else json.dumps(kept, ensure_ascii=False)


def _again(message: Mapping[str, Any], text: str, tools: tuple[AskedTool, ...]) -> dict[str, Any]:
    """The answer as a message of the next request."""
    if not tools:
        return {"role": "assistant", "content": text}
    kept = {_REASONING: message[_REASONING]} if message.get(_REASONING) else {}
    raw = _raw(message) or [{}] * len(tools)  # there are none where they stand in the text
    calls = [_call(tool, one) for tool, one in zip(tools, raw, strict=True)]
    return {"role": "assistant", "content": text or None, "tool_calls": calls, **kept}


def _call(tool: AskedTool, raw: Mapping[str, Any]) -> dict[str, Any]:
    """A call as it goes back, with whatever else the endpoint said of it.

    Arguments are made a JSON object, since some servers refuse a conversation with any others.
    """
    function = {"name": tool.name, "arguments": _valid(tool.arguments)}
    return {**raw, "id": tool.id, "type": "function", "function": function}


def _valid(arguments: str) -> str:
    try:
        whole = isinstance(json.loads(arguments), dict)
    except (ValueError, RecursionError):
        whole = False
    return arguments if whole else json.dumps({"malformed": arguments})
