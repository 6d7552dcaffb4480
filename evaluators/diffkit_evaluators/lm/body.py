"""The body of a request."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from diffkit import Record
from diffkit_evaluators.lm.config import ChatConfig
from diffkit_evaluators.lm.schemas import in_words, response_format
from diffkit_evaluators.lm.words import append, call_format, demand, worded

Messages = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Question:
    """What is asked, as the chat completions API has it."""

    messages: Messages
    tools: Sequence[Mapping[str, Any]] = ()
    schema: type[Record] | None = None
    tool_choice: str | Mapping[str, Any] | None = None

    @property
    def calls(self) -> bool:
        """Whether a tool may be called."""
        return bool(self.tools) and self.tool_choice != "none"


_OPTIONAL = ("response_format", "tool_choice")
"""What some endpoints do not take, and can be said in words."""


def can_be_plainer(asked: Mapping[str, Any]) -> bool:
    """Whether a body holds something that can be said in words."""
    return any(name in asked for name in _OPTIONAL)


def body(config: ChatConfig, model: str, question: Question, *, plain: bool) -> dict[str, Any]:
    """The body that asks ``question``.

    Args:
        config: the options.
        model: what the endpoint calls it.
        question: what is asked.
        plain: whether a schema and a choice of tools are said in words alone.
    """
    asked = _natively(question) if config.tool_calls == "native" else _in_words(question)
    if plain:
        said = [
            demand(question.tool_choice) if "tool_choice" in asked else "",
            in_words(question.schema) if question.schema else "",
        ]
        content = "\n\n".join(filter(None, said))
        asked = {name: one for name, one in asked.items() if name not in _OPTIONAL}
        asked["messages"] = append(asked["messages"], {"role": "user", "content": content})
    return {"model": model, **asked, **_parameters(config)}


def _natively(question: Question) -> dict[str, Any]:
    tools = [dict(tool) for tool in question.tools]
    chosen = question.tool_choice if tools else None
    return {
        "messages": [dict(message) for message in question.messages],
        **({"tools": tools} if tools else {}),
        **({"tool_choice": chosen} if chosen is not None else {}),
        **({"response_format": response_format(question.schema)} if question.schema else {}),
    }


def _in_words(question: Question) -> dict[str, Any]:
    messages = worded(question.messages, question.tools, question.tool_choice)
    if question.schema:
        return {"messages": messages, "response_format": response_format(question.schema)}
    if question.calls:
        return {"messages": messages, "response_format": call_format(question.tools)}
    return {"messages": messages}


def _parameters(config: ChatConfig) -> dict[str, Any]:
    """What the options say of every request."""
    given = dict(config.model.parameters) if config.model else {}
    merged: dict[str, Any] = {**given.pop("extra_body", {}), **given}
    if "max_tokens" in merged:  # the older name; endpoints refuse both
        return merged
    return {"max_completion_tokens": config.max_completion_tokens, **merged}
