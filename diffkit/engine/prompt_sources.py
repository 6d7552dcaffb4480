"""Prompts for generation: starts of documents and chats, and texts that a model writes."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal

from diffkit.engine.generation import GeneratedIds
from diffkit.engine.inputs import Inputs
from diffkit.engine.model import Model
from diffkit.engine.tokenization import (
    chat_start,
    continued_ids,
    document_start,
    encode_prompt,
    message_end,
)
from diffkit.errors import ChatRefused
from diffkit.sampling import Sampling
from diffkit.texts import Message, Text, Texts

PromptKind = Literal["document", "chat", "empty turn", "user's turn", "first words"]
"""The start of a document; the start of a chat, before the user's message; the answer to an empty
message; the answer to a user of the suite's chats; a document after its first few tokens."""


@dataclass(frozen=True)
class PromptStart:
    """Token ids that a model continues."""

    kind: PromptKind
    text: str
    """The ids decoded, special tokens included."""
    ids: tuple[int, ...]
    """At least one."""


def prompt_starts(
    tokenizer: Any, texts: Texts, *, turns: int, documents: int, tokens: int, max_tokens: int = 256
) -> tuple[PromptStart, ...]:
    """Prompts of every kind that the tokenizer and the texts allow, no two with the same ids.

    A document starts with the token that the tokenizer sets before it, or else with the one that
    ends the previous document (not a turn, where a tokenizer has both). Samples from a chat's start
    are users' messages (Xu and others, *Magpie*, arXiv 2406.08464).

    Args:
        tokenizer: a transformers tokenizer; without a chat template there is no start of a chat
            and no empty turn, and a chat is its contents, joined by newlines.
        texts: the suite's texts, taken from the first on.
        turns: maximal number of users' turns; a chat of several answers has one before each.
        documents: maximal number of documents whose first words are taken.
        tokens: number of these first tokens, a document's starting token included.
        max_tokens: longer prompts are left out, since cutting them would cut the answer's start.

    Returns:
        The prompts, the kinds in the order of `PromptKind`. The result is deterministic.
    """
    templated = 1 if tokenizer.chat_template else 0
    empty = (Message(role="user", content=""),)
    sources: tuple[tuple[PromptKind, Iterator[list[int]], int], ...] = (
        ("document", _document(tokenizer), 1),
        ("chat", _chat(tokenizer), templated),
        ("empty turn", _turn(tokenizer, empty), templated),
        ("user's turn", _turns(tokenizer, texts), turns),
        ("first words", _first_words(tokenizer, texts, tokens), documents),
    )
    found: dict[tuple[int, ...], PromptStart] = {}
    for kind, rows, limit in sources:
        keys = map(tuple, rows)
        fresh = (key for key in keys if 0 < len(key) <= max_tokens and key not in found)
        for ids in islice(fresh, limit):
            found[ids] = PromptStart(kind, tokenizer.decode(ids), ids)
    return tuple(found.values())


def _document(tokenizer: Any) -> Iterator[list[int]]:
    start = document_start(tokenizer)
    if start is not None:
        yield [start]


def _chat(tokenizer: Any) -> Iterator[list[int]]:
    yield chat_start(tokenizer)


def _turns(tokenizer: Any, texts: Texts) -> Iterator[list[int]]:
    for text in texts.items:
        ends = [i for i, message in enumerate(text.messages) if message.role == "assistant" and i]
        if text.messages and text.messages[-1].role == "user":
            ends.append(len(text.messages))
        for end in ends:
            yield from _turn(tokenizer, text.messages[:end])


def _turn(tokenizer: Any, messages: tuple[Message, ...]) -> Iterator[list[int]]:
    try:
        yield encode_prompt(tokenizer, Text(messages=messages))
    except ChatRefused:  # some templates refuse a system's message, some an empty one
        return


def _first_words(tokenizer: Any, texts: Texts, tokens: int) -> Iterator[list[int]]:
    for text in texts.items:
        if text.text is not None:
            yield continued_ids(tokenizer, text.text)[:tokens]


_BATCH = 64


def self_generated_prompts(model: Model, count: int, sampling: Sampling) -> Texts:
    """Users' messages that a model writes at the start of a chat, or documents.

    The questions that a model lets users ask show what it was finetuned to answer (Xu and others,
    *Magpie*, arXiv 2406.08464). Messages that the model did not end, empty ones and repetitions
    are left out, so there may be fewer than ``count``, and none at all.

    Args:
        model: the model that writes.
        count: number of samples.
        sampling: how their tokens are chosen; at temperature 0 all are the same.

    Returns:
        Chats of one user's message; for a tokenizer without a chat template, documents, which may
        be cut at the end.
    """
    found = prompt_starts(model.tokenizer, Texts(items=()), turns=0, documents=0, tokens=1)
    wanted = "chat" if model.tokenizer.chat_template else "document"
    ids = [opening.ids for opening in found if opening.kind == wanted]
    if not ids:
        return Texts(items=())
    drawn: list[GeneratedIds] = []
    for first in range(0, count, _BATCH):
        seeds = range(first, min(first + _BATCH, count))
        inputs = Inputs.of([ids[0]] * len(seeds), side="left")
        drawn += model.generate_ids(inputs, sampling, row_seeds=seeds)
    if wanted == "document":
        decoded = (model.tokenizer.decode(one.ids, skip_special_tokens=True) for one in drawn)
        return Texts.of(*_distinct(decoded))
    words = _distinct(_users_words(model.tokenizer, drawn))
    return Texts(items=tuple(Text(messages=(Message(role="user", content=w),)) for w in words))


def _distinct(texts: Iterable[str]) -> list[str]:
    stripped = dict.fromkeys(text.strip() for text in texts)
    return [text for text in stripped if text]


def _users_words(tokenizer: Any, drawn: Sequence[GeneratedIds]) -> Iterator[str]:
    """What was written before the template's text between a user's words and an answer."""
    token, marker = message_end(tokenizer)
    for one in drawn:
        ids = one.ids[: one.ids.index(token)] if token in one.ids else one.ids
        text: str = tokenizer.decode(ids, skip_special_tokens=True)
        words, found, _ = text.partition(marker) if marker else (text, "", "")
        if one.finished or found or len(ids) < len(one.ids):
            yield words
