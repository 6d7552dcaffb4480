"""Where a chat's messages stand in what the chat template writes, in characters."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from diffkit.engine.tokenization import PLACEHOLDER, rendered_text
from diffkit.errors import ChatRefused
from diffkit.options.text_files import replace_surrogates
from diffkit.texts import Text


@dataclass(frozen=True)
class ContentSpan:
    """Characters of a rendered chat that are one message's."""

    message: int
    """The message's index in the chat."""
    start: int
    """Its first character's index in the rendered chat."""
    end: int
    """The index after its last character's."""


def content_spans(tokenizer: Any, text: Text, words: str) -> tuple[ContentSpan, ...]:
    """The place of each message in a rendered chat.

    Templates may trim or alter contents, leave messages out, write them elsewhere or twice, and add
    messages of their own. What the template itself writes is found by rendering the chat with other
    contents; where that depends on a content, each message is looked for by itself.

    Args:
        tokenizer: a transformers tokenizer; without a chat template, a chat is its contents, joined
            by newlines.
        text: a chat.
        words: what `rendered_text` gives for it, without surrogates.
    """
    contents = [replace_surrogates(message.content) for message in text.messages]
    other = _with_stand_ins(tokenizer, text, range(len(contents)))
    found = None if other is None else _between_pieces(words, contents, other)
    return tuple(_one_by_one(tokenizer, text, words, contents) if found is None else found)


def _stand_in(message: int) -> str:
    return f"{PLACEHOLDER}q{message:04}q"


_STAND_IN = re.compile(rf"{PLACEHOLDER}q(\d{{4}})q", re.IGNORECASE)  # templates may change case


def _with_stand_ins(tokenizer: Any, text: Text, replaced: Collection[int]) -> str | None:
    """The rendered chat with other contents; none where the template refuses these."""
    messages = tuple(
        message.model_copy(update={"content": _stand_in(i)}) if i in replaced else message
        for i, message in enumerate(text.messages)
    )
    try:
        return replace_surrogates(rendered_text(tokenizer, Text(messages=messages))[0])
    except ChatRefused:
        return None


def _between_pieces(
    words: str, contents: Sequence[str], other: str
) -> Sequence[ContentSpan] | None:
    """The spans between the template's own pieces; none where these are others in ``words``."""
    first, *parts = _STAND_IN.split(other)  # pieces, and between them the numbers of messages
    if not words.startswith(first):
        return None
    found, place = list[ContentSpan](), len(first)
    for message, after in zip(map(int, parts[::2]), parts[1::2], strict=True):
        last = 2 * len(found) + 2 == len(parts)
        end = _content_end(words, place, contents[message], after, last=last)
        if end is None:
            return None
        found.append(ContentSpan(message, place, end))
        place = end + len(after)
    return found


def _content_end(words: str, start: int, content: str, after: str, *, last: bool) -> int | None:
    """Where a content ends that begins at ``start`` and is followed by ``after``."""
    kinds = (content, content.strip(), content.rstrip(), content.lstrip())
    ends = [start + len(kind) for kind in kinds if words.startswith(kind, start)]
    ends.append(len(words) - len(after) if last else words.find(after, start))  # it was altered
    right = (end for end in ends if end >= start and words.startswith(after, end))
    return next((end for end in right if not last or end + len(after) == len(words)), None)


def _one_by_one(
    tokenizer: Any, text: Text, words: str, contents: Sequence[str]
) -> Sequence[ContentSpan]:
    found, place = list[ContentSpan](), 0
    for message, content in enumerate(contents):
        other = _with_stand_ins(tokenizer, text, (message,))
        before, *rest = [""] if other is None else _STAND_IN.split(other)
        if other is not None and not rest:
            continue  # the template does not write it
        span = _around(words, message, before, rest) or _search(words, content, message, place)
        if span is not None:
            found.append(span)
            place = max(place, span.end)
    return found


def _around(words: str, message: int, before: str, rest: Sequence[str]) -> ContentSpan | None:
    """What is left of ``words`` between what the template writes before and after one message.

    Args:
        words: the rendered chat.
        message: the message's index.
        before: what is written before it.
        rest: its number, and what is written after it; more where it is written several times.
    """
    if len(rest) != 2 or not (words.startswith(before) and words.endswith(rest[1])):
        return None
    start, end = len(before), len(words) - len(rest[1])
    return ContentSpan(message, start, end) if start <= end else None


def _search(words: str, content: str, message: int, start: int) -> ContentSpan | None:
    """The first place of the trimmed content; none where there is none."""
    trimmed = content.strip()
    place = words.find(trimmed, start) if trimmed else -1
    return None if place < 0 else ContentSpan(message, place, place + len(trimmed))
