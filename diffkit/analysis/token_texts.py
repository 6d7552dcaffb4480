"""Tokens in words: with their spaces, whole characters, and whole words where a text is around."""

import re
from collections.abc import Sequence
from functools import cache
from typing import Any

from diffkit.analysis.word_excess import WORD

_BROKEN = "\ufffd"
"""What a tokenizer decodes bytes to that are no whole character."""
_BYTE = re.compile(r"<0x[0-9A-F]{2}>")
"""The name of a byte's token in SentencePiece's vocabularies."""
_AROUND = 16
"""Tokens on each side that a word is looked for in."""
_LONGEST = 4
"""Bytes of the longest character, so tokens that it may be spread over."""


def token_text(tokenizer: Any, token: int) -> str:
    r"""A token as it reads within a text: with the space that it begins with, if any.

    Tokenizers of the SentencePiece kind decode ``▁sea`` alone to ``sea``, as they do ``sea``.
    Bytes that are no whole character are marked: ``\xe2`` or ``<0xE2>``. Special tokens are shown
    by their names.
    """
    text = str(tokenizer.decode([token]))
    name = tokenizer.convert_ids_to_tokens(token)
    if not isinstance(name, str):
        return text
    if _BROKEN in text:
        return _bytes_text(name) or text
    begins = name.startswith("▁") and not text.startswith(" ")
    return " " + text if begins else text


def _bytes_text(name: str) -> str | None:
    """The bytes that a token's name stands for; none where it names no bytes."""
    if _BYTE.fullmatch(name):
        return name
    codes = [_byte_alphabet().get(sign) for sign in name]
    known = bytes(code for code in codes if code is not None)
    return known.decode("utf-8", errors="backslashreplace") if None not in codes else None


@cache
def _byte_alphabet() -> dict[str, int]:
    """The sign that stands for each byte in byte-level vocabularies (GPT-2)."""
    from transformers.convert_slow_tokenizer import bytes_to_unicode

    return {sign: byte for byte, sign in bytes_to_unicode().items()}


def token_texts(tokenizer: Any, ids: Sequence[int]) -> list[str]:
    """The tokens of a text as they read in it.

    A character that is spread over several tokens is shown at the first of them; the others are
    empty. Bytes that make no character are marked as in `token_text`.
    """
    found = list[str]()
    while len(found) < len(ids):
        start = len(found)
        count = _character_tokens(tokenizer, ids[start : start + _LONGEST])
        if count > 1:
            found += [str(tokenizer.decode(list(ids[start : start + count]))), *[""] * (count - 1)]
        else:
            found.append(token_text(tokenizer, ids[start]))
    return found


def _character_tokens(tokenizer: Any, ids: Sequence[int]) -> int:
    """How many of the tokens the character takes that the first one breaks off; else 1."""
    if _BROKEN not in tokenizer.decode([ids[0]]):
        return 1
    ends = range(2, len(ids) + 1)
    whole = (end for end in ends if _BROKEN not in tokenizer.decode(list(ids[:end])))
    return next(whole, 1)


def word_in_text(tokenizer: Any, ids: Sequence[int], position: int, token: int) -> str:
    """The whole word that a token makes at a place of a text, without spaces around it.

    The pieces before it are the text's; those after it are so too where the text has this token
    there. A token without letters or digits is shown by itself.

    Args:
        tokenizer: a transformers tokenizer.
        ids: the text's token ids.
        position: the place.
        token: the token in this place.
    """
    first = max(0, position - _AROUND)
    follows = position < len(ids) and ids[position] == token
    after = ids[position + 1 : position + 1 + _AROUND] if follows else ()
    shown = token_texts(tokenizer, [*ids[first:position], token, *after])
    before, own = "".join(shown[: position - first]), shown[position - first]
    place = len(before) + len(own) - len(own.lstrip()) - (not own)
    words = (word for word in WORD.finditer("".join(shown)) if word.start() <= place < word.end())
    word = next(words, None)
    return word[0] if word else own.strip() or token_text(tokenizer, token)
