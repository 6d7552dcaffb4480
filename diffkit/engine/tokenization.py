"""Texts and prompts as token ids, and which ids end a completion."""

import json
from collections.abc import Sequence
from itertools import takewhile
from typing import Any

from diffkit.engine.chats.chat_template import chat_templates, render_chat
from diffkit.engine.chats.text_end import appended_ids, without_end
from diffkit.engine.loading.tokenizer_files import DOCUMENT_ENDS
from diffkit.errors import ChatRefused
from diffkit.options.text_files import replace_surrogates
from diffkit.texts import Message, Text

PLACEHOLDER = "7f3a9c"
"""Stands for a message, to see what a chat template writes before it."""
_LETTERS = "a7f3c9"
"""The same, beginning with a letter, as most messages do."""


def encode(tokenizer: Any, text: Text, max_tokens: int | None = None) -> list[int]:
    """Token ids of a whole text: a document as it is, a chat through the chat template.

    Args:
        tokenizer: a transformers tokenizer.
        text: a tokenizer without a template takes a chat as its contents, joined by newlines.
        max_tokens: number of tokens kept, from the beginning; none keeps all.
    """
    words, templated = rendered_text(tokenizer, text)
    if max_tokens is None:
        return token_ids(tokenizer, words, templated=templated)
    return first_token_ids(tokenizer, words, max_tokens, templated=templated)


def rendered_text(tokenizer: Any, text: Text) -> tuple[str, bool]:
    """The string of a whole text that is tokenised, and whether the chat template made it."""
    if text.messages and tokenizer.chat_template:
        return _render(tokenizer, text), True
    return str(text), False


def token_ids(tokenizer: Any, words: str, *, templated: bool = False) -> list[int]:
    """Token ids of a string as it is."""
    # A template writes the special tokens itself.
    encoded = tokenizer(replace_surrogates(words), add_special_tokens=not templated, verbose=False)
    return list(encoded["input_ids"])


_LEAST_CHARACTERS = 4096

_CHARACTERS_PER_TOKEN = 16

_MARGIN = 256
"""Characters before a cut that may belong to words that the cut changes, or to special tokens."""


def first_token_ids(
    tokenizer: Any, words: str, count: int, *, templated: bool = False
) -> list[int]:
    """The first ``count`` of `token_ids`, without tokenising what lies far behind them.

    Only the beginning is tokenised, and of it only those tokens count that no later character
    could change: those of whole words (as the tokenizer splits a text before it looks tokens up)
    well before the cut. Where a tokenizer does not split, longer beginnings are tried.
    """
    words = replace_surrogates(words)
    length = max(_LEAST_CHARACTERS, count * _CHARACTERS_PER_TOKEN)
    while length < len(words) and getattr(tokenizer, "is_fast", False):
        sure = _sure_token_ids(tokenizer, words[:length], templated=templated)
        if len(sure) >= count:
            return sure[:count]
        length *= 4
    return token_ids(tokenizer, words, templated=templated)[:count]


def _sure_token_ids(tokenizer: Any, words: str, *, templated: bool) -> list[int]:
    """The tokens of ``words`` that no later character can change."""
    encoded = tokenizer(
        words,
        add_special_tokens=not templated,
        return_offsets_mapping=True,
        verbose=False,
    )
    places, numbers = encoded["offset_mapping"], encoded.word_ids()
    bound = len(words) - _MARGIN
    cut = [number for number, place in zip(numbers, places, strict=True) if place[1] > bound]
    first_unsure = min((number for number in cut if number is not None), default=0) - 1
    # Special tokens at the beginning have no word; those at the end come after unsure words.
    unsure = (
        i for i, number in enumerate(numbers) if number is not None and number >= first_unsure
    )
    return list(encoded["input_ids"])[: next(unsure, 0)]


def continued_ids(tokenizer: Any, words: str) -> list[int]:
    """Token ids of the beginning of a text, without what the tokenizer writes after a whole one."""
    return without_end(token_ids(tokenizer, words), appended_ids(tokenizer))


def common_prefix_length(one: Sequence[int], two: Sequence[int]) -> int:
    """Length of the common prefix of two sequences of ids."""
    pairs = zip(one, two, strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def encode_prompt(tokenizer: Any, prompt: Text | str) -> list[int]:
    """Token ids of a prompt that a model continues; at least one.

    A string is the start of a document, and an end token that the tokenizer writes after a text is
    left out. A chat that ends with the user's message gets the
    template's start of an answer; in one that ends with the assistant's, that message is continued.
    """
    if isinstance(prompt, Text) and prompt.messages and tokenizer.chat_template:
        own = prompt.messages[-1].role == "assistant"
        wanted = {"continue_final_message": True} if own else {"add_generation_prompt": True}
        ids = token_ids(tokenizer, _render(tokenizer, prompt, **wanted), templated=True)
    else:
        ids = continued_ids(tokenizer, str(prompt))
    return ids or [_start_token(tokenizer)]


def _render(tokenizer: Any, text: Text, **wanted: bool) -> str:
    return render_chat(tokenizer, [message.model_dump() for message in text.messages], **wanted)


def tokenizer_differences(one: Any, two: Any) -> tuple[str, ...]:
    """What two tokenizers differ in: ``chat template``, ``tokenizer``; by content, not by file."""
    if one is two:
        return ()
    template = ("chat template",) if chat_templates(one) != chat_templates(two) else ()
    return (*template, *(("tokenizer",) if _splitting(one) != _splitting(two) else ()))


def _splitting(tokenizer: Any) -> Any:
    """All that decides which ids a text gets."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        return tokenizer.get_vocab()
    said = json.loads(backend.to_str())
    return {name: one for name, one in said.items() if name not in {"padding", "truncation"}}


def refused_texts(tokenizers: Sequence[Any], texts: Sequence[Text]) -> dict[int, ChatRefused]:
    """The chats that one of the tokenizers' templates refuses, by index, with the first reason."""
    refused: dict[int, ChatRefused] = {}
    for tokenizer in {id(one): one for one in tokenizers}.values():
        for index, text in enumerate(texts):
            try:
                rendered_text(tokenizer, text)
            except ChatRefused as error:
                refused.setdefault(index, error)
    return refused


def _start_token(tokenizer: Any) -> int:
    """The token before the first word: a model cannot start without any token."""
    start = document_start(tokenizer)
    return start if start is not None else int(tokenizer.bos_token_id or 0)


def document_start(tokenizer: Any) -> int | None:
    """The token before a document: the one that the tokenizer sets, or else `document_end`."""
    bos = tokenizer.bos_token_id
    if bos is not None and tokenizer("a").input_ids[:1] == [bos]:
        return int(bos)
    return document_end(tokenizer)


def document_end(tokenizer: Any) -> int | None:
    """The token after a document: the eos token, unless it ends turns and there is another.

    A chat model's eos token is often its template's (``<|im_end|>``), and no document that it was
    pretrained on ended so. None: the tokenizer has no such token.
    """
    eos = tokenizer.eos_token_id
    if eos is None or turn_end(tokenizer) != eos:
        return None if eos is None else int(eos)
    known = tokenizer.get_added_vocab()
    others = (known[name] for name in DOCUMENT_ENDS if name in known)
    return next((other for other in others if other != eos), int(eos))


def turn_end(tokenizer: Any) -> int | None:
    """The special token that the chat template writes after an answer; none if it writes none."""
    question, answer = ({"role": role, "content": PLACEHOLDER} for role in ("user", "assistant"))
    _, after = _around_last(tokenizer, [question, answer])
    special = set(tokenizer.all_special_ids)
    ids = token_ids(tokenizer, after, templated=True) if after.strip() else []
    first = next((token for token in ids if tokenizer.decode([token]).strip()), None)
    return first if first in special else None


def message_end(tokenizer: Any) -> tuple[int | None, str]:
    """What the chat template writes between a user's words and the answer to them.

    Returns:
        Its first token, if that is a special one, and else none; the words before the first
        special token, without spaces around them; may be empty.
    """
    chat = [{"role": "user", "content": PLACEHOLDER}]
    _, after = _around_last(tokenizer, chat, add_generation_prompt=True)
    special = set(tokenizer.all_special_ids)
    ids = token_ids(tokenizer, after, templated=True) if after.strip() else []
    words = list(takewhile(lambda token: token not in special, ids))
    said = str(tokenizer.decode(words)).strip()
    return (ids[len(words)] if len(words) < len(ids) and not said else None), said


def _around_last(tokenizer: Any, chat: list[dict[str, str]], **wanted: bool) -> tuple[str, str]:
    """The text of a chat before its last placeholder, and after it; both may be empty."""
    if not tokenizer.chat_template:
        return "", ""
    try:
        whole = render_chat(tokenizer, chat, **wanted)
    except ChatRefused:
        return "", ""
    before, found, after = whole.rpartition(PLACEHOLDER)
    return (before, after) if found else ("", "")


def eos_ids_of(tokenizer: Any, *configs: Any) -> frozenset[int]:
    """Ids that end a completion: the tokenizer's, its template's, and those of configurations.

    Many a checkpoint names its end of document alone, though its answers end with another token
    (Gemma's ``<end_of_turn>``).

    Args:
        tokenizer: a transformers tokenizer.
        configs: configurations of a model and of its generation; none is skipped.
    """
    turn = turn_end(tokenizer)
    found: set[int] = set() if turn is None else {turn}
    for source in (tokenizer, *configs):
        end = getattr(source, "eos_token_id", None)
        found.update(end if isinstance(end, list | tuple) else [end] if end is not None else [])
    return frozenset(found)


def chat_start(tokenizer: Any) -> list[int]:
    """Token ids of a chat before the user's first words; empty where it is unknown.

    A token that holds the end of the template's text and the beginning of the words, such as a
    space with a word, is not part of it.
    """
    try:
        chat = Text(messages=(Message(role="user", content=_LETTERS),))
        whole = _render(tokenizer, chat)
    except ChatRefused:
        return []
    before, found, _ = whole.partition(_LETTERS)
    ids, start = (token_ids(tokenizer, words, templated=True) for words in (whole, before))
    return start[: common_prefix_length(ids, start)] if found else []


def answer_start(tokenizer: Any, text: Text) -> int | None:
    """Index of the first token of a chat's first answer, among the token ids of the whole chat.

    It is exact: the text before the answer's content is tokenised too, and both are compared token
    by token. A token that holds both the end of the template's text and the beginning of the
    content belongs to the answer.

    Args:
        tokenizer: a transformers tokenizer; without a chat template, a chat is its contents, joined
            by newlines.
        text: a document or a chat.

    Returns:
        None for a document, for a chat without an answer, where a template refuses the chat, and
        where the template's text before an answer depends on the answer.
    """
    roles = [message.role for message in text.messages]
    if "assistant" not in roles:
        return None
    place = roles.index("assistant")
    stand_in = Message(role="assistant", content=PLACEHOLDER)
    other = Text(messages=(*text.messages[:place], stand_in, *text.messages[place + 1 :]))
    try:
        (words, templated), (with_stand_in, _) = (
            rendered_text(tokenizer, t) for t in (text, other)
        )
    except ChatRefused:
        return None
    before, found, _ = with_stand_in.partition(PLACEHOLDER)
    if not found or not words.startswith(before):
        return None
    part = token_ids(tokenizer, before, templated=templated)
    whole = first_token_ids(tokenizer, words, len(part), templated=templated)
    return common_prefix_length(whole, part)
