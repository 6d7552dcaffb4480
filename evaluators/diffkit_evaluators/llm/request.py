"""The body of a request: messages, tools, and the JSON Schema of the answer.

For endpoints without tool calls, tools, calls and results are written as text. The conversation
itself stays in the format of the chat completions API.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from diffkit import Record, json_schema
from diffkit_evaluators.llm.config import ChatConfig

_UNSUPPORTED_KEYWORDS = {"default", "title", "minLength", "maxLength", "uniqueItems"}

_NOT_STRICT = {"oneOf", "allOf", "prefixItems", "patternProperties", "not"}


def response_format(schema: type[Record]) -> dict[str, Any]:
    """The ``response_format`` that requests ``schema``, named by its title.

    It is strict if the schema allows: then every field is required, and what strict decoding does
    not support (lengths, defaults) is left to validation. Schemas with mappings, tuples or
    discriminated unions are requested without strict decoding.
    """
    asked = json_schema(schema)
    strict = _supports_strict(asked)
    format_ = {"name": asked["title"], "schema": _strict_schema(asked) if strict else asked}
    return {"type": "json_schema", "json_schema": {**format_, "strict": strict}}


def title_of(schema: type[Record]) -> str:
    """The title of ``schema``, by which requests name it."""
    return str(json_schema(schema)["title"])


def schema_instruction(schema: type[Record]) -> str:
    """The sentence of a prompt that asks for ``schema``."""
    asked = json.dumps(json_schema(schema), ensure_ascii=False)
    return f"Answer with one JSON object that fits this JSON Schema, and nothing else:\n{asked}"


def _supports_strict(part: Any) -> bool:
    """Whether strict decoding is possible: every object lists its fields and allows no others."""
    if isinstance(part, list):
        return all(map(_supports_strict, part))
    if not isinstance(part, Mapping):
        return True
    is_object = part.get("type") == "object"
    if is_object and (part.get("additionalProperties") is not False or "properties" not in part):
        return False
    return not _NOT_STRICT & part.keys() and all(map(_supports_strict, part.values()))


def _strict_schema(part: Any) -> Any:
    if isinstance(part, list):
        return [_strict_schema(one) for one in part]
    if not isinstance(part, Mapping):
        return part
    kept = {
        name: {field: _strict_schema(one) for field, one in value.items()}
        if name in {"properties", "$defs"}
        else _strict_schema(value)
        for name, value in part.items()
        if name not in _UNSUPPORTED_KEYWORDS
    }
    if "$ref" in kept:
        return {"$ref": kept["$ref"]}  # no other keyword is allowed next to it
    return {**kept, "required": list(kept["properties"])} if "properties" in kept else kept


TOOL_WORDS_VERSION = 1
"""Raised when a word that a language model reads here changes, with both agents' `version`."""

_CALL_INSTRUCTION = """\
You act by calling tools. To call one, answer with one JSON object and nothing else:
{"tool": NAME, "arguments": ARGUMENTS}
The arguments are an object that fits the JSON Schema of the tool. You are then told its result.

The tools:"""


def with_tools_as_text(
    messages: Sequence[Mapping[str, Any]],
    tools: Sequence[Mapping[str, Any]],
    tool_choice: str | Mapping[str, Any] | None,
) -> list[dict[str, Any]]:
    """Messages with tools, calls and results as text."""
    converted = [{"role": "system", "content": _tools_text(tools)}] if tools else []
    names: dict[str, str] = {}
    for message in messages:
        names |= {call["id"]: call["function"]["name"] for call in message.get("tool_calls") or ()}
        converted = append_message(converted, _message_as_text(message, names))
    return append_message(
        converted, {"role": "user", "content": tool_choice_text(tool_choice) if tools else ""}
    )


def append_message(
    messages: Sequence[dict[str, Any]], message: dict[str, Any]
) -> list[dict[str, Any]]:
    """Appends a message, merged with the last one where that has the same role.

    Empty messages are left out. Some chat templates refuse both.
    """
    if not message["content"]:
        return [*messages]
    if messages and messages[-1]["role"] == message["role"]:
        content = f"{messages[-1]['content']}\n\n{message['content']}"
        return [*messages[:-1], {**message, "content": content}]
    return [*messages, message]


def call_response_format(tools: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The ``response_format`` that requests a call of one of ``tools``."""
    names = [tool["function"]["name"] for tool in tools]
    schema = {
        "type": "object",
        "properties": {"tool": {"enum": names}, "arguments": {"type": "object"}},
        "required": ["tool", "arguments"],
        "additionalProperties": False,
    }
    return {"type": "json_schema", "json_schema": {"name": "call", "schema": schema}}


def _tools_text(tools: Sequence[Mapping[str, Any]]) -> str:
    return "\n\n".join([_CALL_INSTRUCTION, *(_tool_text(tool["function"]) for tool in tools)])


def _tool_text(tool: Mapping[str, Any]) -> str:
    schema = json.dumps(tool.get("parameters", {}), ensure_ascii=False)
    return f"{tool['name']}: {tool.get('description', '')}\nIts arguments: {schema}"


def tool_choice_text(tool_choice: str | Mapping[str, Any] | None) -> str:
    """The tool choice as text; empty if the model may choose."""
    if isinstance(tool_choice, Mapping):
        return f"Call {tool_choice['function']['name']} now."
    return {"required": "Call a tool now.", "none": "Call no tool now."}.get(tool_choice or "", "")


def _message_as_text(message: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    content = message.get("content") or ""
    if message["role"] == "tool":
        name = names.get(message["tool_call_id"], "the tool")
        return {"role": "user", "content": f"Result of {name}:\n{content}"}
    if not content and message.get("tool_calls"):
        calls = [call["function"] for call in message["tool_calls"]]
        said = [f'{{"tool": "{one["name"]}", "arguments": {one["arguments"]}}}' for one in calls]
        content = "\n".join(said)
    return {"role": message["role"], "content": content}


Messages = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class ChatRequest:
    """A request in the format of the chat completions API."""

    messages: Messages
    tools: Sequence[Mapping[str, Any]] = ()
    schema: type[Record] | None = None
    tool_choice: str | Mapping[str, Any] | None = None

    @property
    def allows_calls(self) -> bool:
        """Whether a tool may be called."""
        return bool(self.tools) and self.tool_choice != "none"


_OPTIONAL = ("response_format", "tool_choice")
"""Fields that some endpoints do not support, and that text in the prompt can replace."""


def has_optional_fields(body: Mapping[str, Any]) -> bool:
    """Whether a body has fields that text in the prompt can replace."""
    return any(name in body for name in _OPTIONAL)


@dataclass(frozen=True)
class Dialect:
    """How an endpoint is asked, where endpoints differ."""

    as_text: bool = False
    """Whether the schema and the tool choice are requested in the prompt alone."""
    renames_limit: bool = False
    """Whether the maximum length goes by its other name: ``max_tokens`` for
    ``max_completion_tokens``, and the other way round."""
    room: int = 1
    """Factor on the maximum length, for a model whose answers were cut off."""


MAX_ROOM = 4
"""Largest `Dialect.room`."""

LIMIT_NAMES = ("max_completion_tokens", "max_tokens")
"""Names of the maximum length of an answer; endpoints know one or both, and refuse both at once."""


def may_be_longer(config: ChatConfig) -> bool:
    """Whether answers may be longer than asked for: where nobody has set their length."""
    default = type(config).model_fields["max_completion_tokens"].default
    extra = config.model.parameters if config.model else {}
    named = {*extra, *extra.get("extra_body", {})}
    return config.max_completion_tokens == default and not named & set(LIMIT_NAMES)


def request_body(
    config: ChatConfig, model: str, request: ChatRequest, dialect: Dialect
) -> dict[str, Any]:
    """The body of ``request``.

    Args:
        config: the options.
        model: the model's name at the endpoint.
        request: messages, tools and schema.
        dialect: how the endpoint is asked.
    """
    fields = _native_fields(request) if config.tool_calls == "native" else _text_fields(request)
    if dialect.as_text:
        instructions = [
            tool_choice_text(request.tool_choice) if "tool_choice" in fields else "",
            schema_instruction(request.schema) if request.schema else "",
        ]
        content = "\n\n".join(filter(None, instructions))
        fields = {name: value for name, value in fields.items() if name not in _OPTIONAL}
        last = {"role": "user", "content": content}
        fields["messages"] = append_message(fields["messages"], last)
    return {"model": model, **fields, **_model_parameters(config, dialect)}


def _native_fields(request: ChatRequest) -> dict[str, Any]:
    tools = [dict(tool) for tool in request.tools]
    chosen = request.tool_choice if tools else None
    return {
        "messages": [dict(message) for message in request.messages],
        **({"tools": tools} if tools else {}),
        **({"tool_choice": chosen} if chosen is not None else {}),
        **({"response_format": response_format(request.schema)} if request.schema else {}),
    }


def _text_fields(request: ChatRequest) -> dict[str, Any]:
    messages = with_tools_as_text(request.messages, request.tools, request.tool_choice)
    if request.schema:
        return {"messages": messages, "response_format": response_format(request.schema)}
    if request.allows_calls:
        return {"messages": messages, "response_format": call_response_format(request.tools)}
    return {"messages": messages}


def _model_parameters(config: ChatConfig, dialect: Dialect) -> dict[str, Any]:
    """The fields that the options set in every request."""
    given = dict(config.model.parameters) if config.model else {}
    merged: dict[str, Any] = {**given.pop("extra_body", {}), **given}
    newer, older = LIMIT_NAMES
    if older not in merged:
        merged = {newer: config.max_completion_tokens * dialect.room, **merged}
    if not dialect.renames_limit:
        return merged
    other = {newer: older, older: newer}
    return {other.get(name, name): value for name, value in merged.items()}
