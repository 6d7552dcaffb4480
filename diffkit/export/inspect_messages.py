"""Messages as inspect_ai has them."""

import json
from collections.abc import Iterable

from inspect_ai.model import (
    ChatMessage,
    ChatMessageAssistant,
    ChatMessageSystem,
    ChatMessageTool,
    ChatMessageUser,
    ContentReasoning,
    ContentText,
)
from inspect_ai.tool import ToolCall

from diffkit.messages import CalledTool, Message, calls_of, text_of, thoughts_of


def chat(messages: Iterable[Message], digest: str) -> list[ChatMessage]:
    """Messages of the chat completions API as inspect_ai's.

    Args:
        messages: in their order.
        digest: of the attempt; ids of messages are drawn from it, so that a second export is alike.
    """
    return [_message(one, f"{digest[:12]}-{number}") for number, one in enumerate(messages)]


def _message(message: Message, name: str) -> ChatMessage:
    text = text_of(message)
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


def _assistant(message: Message, name: str) -> ChatMessageAssistant:
    thoughts = thoughts_of(message)
    text = text_of(message) or text_of(message, "refusal")
    parts = [ContentReasoning(reasoning=thoughts), ContentText(text=text)]
    calls = [_call(one) for one in calls_of(message)]
    content = parts if thoughts else text
    return ChatMessageAssistant(id=name, content=content, tool_calls=calls or None)


def _call(call: CalledTool) -> ToolCall:
    try:
        arguments = json.loads(call.arguments)
    except ValueError as error:
        return ToolCall(id=call.id, function=call.name, arguments={}, parse_error=str(error))
    if not isinstance(arguments, dict):
        arguments = {"arguments": arguments}
    return ToolCall(id=call.id, function=call.name, arguments=arguments)
