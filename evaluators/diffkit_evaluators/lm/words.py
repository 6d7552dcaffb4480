"""Tools in words, for endpoints that take none.

The conversation stays as the chat completions API has it; here alone is it turned into words, and
the answer back into tool calls.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from diffkit_evaluators.lm.extract import objects
from diffkit_evaluators.lm.reply import AskedTool

TOOL_WORDS_VERSION = 1
"""Raised when a word that a language model reads here changes, with both agents' `version`."""
_HOW = """You act by calling tools. To call one, answer with one JSON object and nothing else:
{"tool": NAME, "arguments": ARGUMENTS}
The arguments are an object that fits the JSON Schema of the tool. You are then told its result.

The tools:"""


def worded(
    messages: Sequence[Mapping[str, Any]],
    tools: Sequence[Mapping[str, Any]],
    tool_choice: str | Mapping[str, Any] | None,
) -> list[dict[str, Any]]:
    """Messages with tools, calls and results in words."""
    spoken = [{"role": "system", "content": _described(tools)}] if tools else []
    names: dict[str, str] = {}
    for message in messages:
        names |= {call["id"]: call["function"]["name"] for call in message.get("tool_calls") or ()}
        spoken = append(spoken, _in_words(message, names))
    return append(spoken, {"role": "user", "content": demand(tool_choice) if tools else ""})


def append(messages: Sequence[dict[str, Any]], message: dict[str, Any]) -> list[dict[str, Any]]:
    """One more message.

    No two of one role stand in a row and none is empty, since some chat templates refuse those.
    """
    if not message["content"]:
        return [*messages]
    if messages and messages[-1]["role"] == message["role"]:
        content = f"{messages[-1]['content']}\n\n{message['content']}"
        return [*messages[:-1], {**message, "content": content}]
    return [*messages, message]


def call_format(tools: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The ``response_format`` of a call of one of ``tools``."""
    names = [tool["function"]["name"] for tool in tools]
    schema = {
        "type": "object",
        "properties": {"tool": {"enum": names}, "arguments": {"type": "object"}},
        "required": ["tool", "arguments"],
        "additionalProperties": False,
    }
    return {"type": "json_schema", "json_schema": {"name": "call", "schema": schema}}


def called(text: str, turn: int) -> tuple[AskedTool, ...]:
    """The calls in what a model wrote; ids are made of the number of the turn."""
    return tuple(
        AskedTool(id=f"call-{turn}-{number}", name=str(name), arguments=_text(arguments))
        for number, (name, arguments) in enumerate(_calls(text))
    )


def _calls(text: str) -> Iterator[tuple[Any, Any]]:
    for one in objects(text, at_line_starts=True):
        name = one.get("tool", one.get("name"))
        if name is not None:
            yield name, one.get("arguments", {})


def _text(arguments: Any) -> str:
    return arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)


def _described(tools: Sequence[Mapping[str, Any]]) -> str:
    return "\n\n".join([_HOW, *(_description(tool["function"]) for tool in tools)])


def _description(tool: Mapping[str, Any]) -> str:
    schema = json.dumps(tool.get("parameters", {}), ensure_ascii=False)
    return f"{tool['name']}: {tool.get('description', '')}\nIts arguments: {schema}"


def demand(tool_choice: str | Mapping[str, Any] | None) -> str:
    """A choice of tools in words; empty where the model is free to choose."""
    if isinstance(tool_choice, Mapping):
        return f"Call {tool_choice['function']['name']} now."
    return {"required": "Call a tool now.", "none": "Call no tool now."}.get(tool_choice or "", "")


def _in_words(message: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    content = message.get("content") or ""
    if message["role"] == "tool":
        name = names.get(message["tool_call_id"], "the tool")
        return {"role": "user", "content": f"Result of {name}:\n{content}"}
    if not content and message.get("tool_calls"):
        calls = [call["function"] for call in message["tool_calls"]]
        said = [f'{{"tool": "{one["name"]}", "arguments": {one["arguments"]}}}' for one in calls]
        content = "\n".join(said)
    return {"role": message["role"], "content": content}
