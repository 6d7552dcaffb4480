"""A tool as the language model has it: words and a schema, arguments as text, a result as text."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import ValidationError

from diffkit import BlindTool, Record, UserError, json_schema
from diffkit_evaluators.lm import fence

A = TypeVar("A", bound=Record)


@dataclass(frozen=True)
class Tool:
    """Something that the language model may call."""

    name: str
    summary: str
    schema: Mapping[str, Any]
    """JSON Schema of its arguments."""
    call: Callable[[str], str]
    """From arguments, JSON or not, to what is told; a `UserError` is told as well."""

    @property
    def declaration(self) -> dict[str, Any]:
        """As the chat completions API has it."""
        function = {"name": self.name, "description": self.summary, "parameters": self.schema}
        return {"type": "function", "function": function}


def typed(name: str, arguments: type[A], answer: Callable[[A], str]) -> Tool:
    """A tool whose arguments are a `Record`; what it does is the description of their schema."""

    def call(text: str) -> str:
        return answer(parsed(text, arguments))

    schema = json_schema(arguments)
    return Tool(name, schema["description"], schema, call)


def of_method(
    tool: BlindTool, nonce: str, limit: int, spend: Callable[[tuple[str, ...]], None]
) -> Tool:
    """A method's tool; what it answers is fenced.

    Args:
        tool: the tool.
        nonce: marks what it answers.
        limit: length of that at most, in characters.
        spend: told the prompts that a call puts to a model, before it does; may refuse.
    """

    def call(text: str) -> str:
        given = _mapping(text)
        spend(tool.prompts(given))
        return fence(tool.call(given), nonce, limit)

    return Tool(tool.name, tool.summary, tool.schema, call)


def parsed(text: str, arguments: type[A]) -> A:
    """The arguments in ``text``.

    Raises:
        UserError: they are broken, or do not fit; it names each field.
    """
    try:
        return arguments.model_validate_json(text.strip() or "{}")
    except ValidationError as error:
        what = f"{'; '.join(_faults(error))}."
        raise UserError(what, cure="Mend that and call again.") from error


def _faults(error: ValidationError) -> list[str]:
    return [
        f"{'.'.join(map(str, one['loc'])) or 'arguments'}: {one['msg']}"
        for one in error.errors(include_url=False, include_input=False)
    ]


def _mapping(text: str) -> Mapping[str, Any]:
    try:
        value = json.loads(text.strip() or "{}")
    except json.JSONDecodeError as error:
        raise UserError(f"arguments: {error}.", cure="Give a JSON object.") from error
    if not isinstance(value, dict):
        raise UserError("arguments: no object.", cure="Give a JSON object.")
    return value
