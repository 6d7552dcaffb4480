"""Turns texts into token ids."""

from collections.abc import Sequence
from itertools import takewhile
from typing import Any

from diffkit.texts import Text

STAND_IN = "7f3a9c"
"""Stands for a message, to see what a chat template writes before it."""


def encode(tokenizer: Any, text: Text, max_tokens: int | None = None) -> list[int]:
    """Token ids of a whole text: a document as it is, a chat through the chat template.

    Args:
        tokenizer: a transformers tokenizer.
        text: a tokenizer without a template takes a chat as its contents, joined by newlines.
        max_tokens: how many tokens are kept, from the beginning; none keeps all.
    """
    words, templated = written(tokenizer, text)
    return ids_of(tokenizer, words, templated=templated)[:max_tokens]


def written(tokenizer: Any, text: Text) -> tuple[str, bool]:
    """What of a whole text is tokenised, and whether the chat template wrote it."""
    if text.messages and tokenizer.chat_template:
        return _render(tokenizer, text), True
    return str(text), False


def ids_of(tokenizer: Any, words: str, *, templated: bool = False) -> list[int]:
    """Token ids of words as they are."""
    # A template writes the special tokens itself.
    encoded = tokenizer(words, add_special_tokens=not templated, verbose=False)
    return list(encoded["input_ids"])


def shared_length(one: Sequence[int], two: Sequence[int]) -> int:
    """How many ids two sequences begin with in common."""
    pairs = zip(one, two, strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def encode_prompt(tokenizer: Any, prompt: Text | str) -> list[int]:
    """Token ids of a prompt that a model goes on from; at least one.

    A string is the opening of a document. A chat that ends with the user's message gets the
    template's opening of an answer; one that ends with the assistant's is gone on with.
    """
    if isinstance(prompt, Text) and prompt.messages and tokenizer.chat_template:
        own = prompt.messages[-1].role == "assistant"
        wanted = {"continue_final_message": True} if own else {"add_generation_prompt": True}
        ids = ids_of(tokenizer, _render(tokenizer, prompt, **wanted), templated=True)
    else:
        ids = ids_of(tokenizer, str(prompt))
    return ids or [_opening(tokenizer)]


def _render(tokenizer: Any, text: Text, **wanted: bool) -> str:
    messages = [message.model_dump() for message in text.messages]
    rendered: str = tokenizer.apply_chat_template(messages, tokenize=False, **wanted)
    return rendered


def _opening(tokenizer: Any) -> int:
    """What stands before the first word: a model cannot start from nothing."""
    for token in (tokenizer.bos_token_id, tokenizer.eos_token_id):
        if token is not None:
            return int(token)
    return 0
