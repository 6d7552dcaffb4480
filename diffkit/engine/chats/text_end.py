"""What a tokenizer writes after every text."""

from collections.abc import Sequence
from typing import Any


def appended_ids(tokenizer: Any) -> list[int]:
    """Ids that the tokenizer writes after every text, such as an end token.

    They end a text that is read as a whole, and never one that is continued.
    """
    plain, whole = (
        list(tokenizer("a", add_special_tokens=special, verbose=False)["input_ids"])
        for special in (False, True)
    )
    for start in range(len(whole) - len(plain) + 1 if plain else 0):
        if whole[start : start + len(plain)] == plain:
            return whole[start + len(plain) :]
    return []


def without_end(ids: list[int], end: Sequence[int]) -> list[int]:
    """Token ids without the ones that they end with, if they do.

    Args:
        ids: token ids of a text.
        end: `appended_ids` of the tokenizer.
    """
    return ids[: -len(end)] if end and ids[-len(end) :] == list(end) else ids
