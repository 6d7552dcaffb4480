"""JSON in text that a language model wrote, and the strings inside JSON values."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any


def map_strings(value: Any, change: Callable[[str], str]) -> Any:
    """``value`` with ``change`` made in all text that it holds, names of fields too."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, Mapping):
        return {change(name): map_strings(one, change) for name, one in value.items()}
    return [map_strings(one, change) for one in value] if isinstance(value, list) else value


def replace_surrogates(text: str) -> str:
    """``text`` that UTF-8 can write: half of a surrogate pair, which JSON may hold, becomes �."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


_END_OF_REASONING = "</think>"

_DECODER = json.JSONDecoder()


@dataclass(frozen=True)
class _FoundObject:
    start: int
    end: int
    value: dict[str, Any]


def find_objects(text: str, *, at_line_starts: bool = False) -> tuple[dict[str, Any], ...]:
    """The outermost JSON objects in ``text``, in order.

    Fences and words around them do not matter; those within thoughts are left out.

    Args:
        text: what a model wrote.
        at_line_starts: whether only those count that begin a line, so that one that is quoted
            within a sentence does not.
    """
    found = tuple(_all_objects(text))
    ends = (match.start() for match in re.finditer(_END_OF_REASONING, text))
    outside = (end for end in ends if not any(one.start <= end < one.end for one in found))
    answer = max(outside, default=-1)
    return tuple(
        one.value
        for one in found
        if one.start > answer and not (at_line_starts and _text_before_on_line(text, one.start))
    )


def _all_objects(text: str) -> Iterator[_FoundObject]:
    position = 0
    while (start := text.find("{", position)) >= 0:
        try:
            value, position = _DECODER.raw_decode(text, start)
        except ValueError:
            position = start + 1
        except RecursionError:
            return  # nested beyond sense, and so is what it holds
        else:
            yield _FoundObject(start, position, map_strings(value, replace_surrogates))


def _text_before_on_line(text: str, start: int) -> bool:
    return bool(text[text.rfind("\n", 0, start) + 1 : start].strip(" \t[,"))
