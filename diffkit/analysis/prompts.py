"""Prompts made of a single user's message."""

from typing import Any

from diffkit.engine.prompt_sources import PromptStart, prompt_starts
from diffkit.texts import Message, Text, Texts

_UNLIMITED = 2**31
"""More tokens than any text has."""


def user_turn(tokenizer: Any, message: str, max_tokens: int = _UNLIMITED) -> PromptStart | None:
    """The start of a model's answer to a user's message.

    Args:
        tokenizer: a transformers tokenizer; if it has no chat template, the prompt is the message.
        message: what the user says.
        max_tokens: the largest number of tokens.

    Returns:
        None where the chat template refuses the message, or the prompt is longer.
    """
    chat = Texts(items=(Text(messages=(Message(role="user", content=message),)),))
    found = prompt_starts(tokenizer, chat, turns=1, documents=0, tokens=1, max_tokens=max_tokens)
    return next((start for start in found if start.kind == "user's turn"), None)
