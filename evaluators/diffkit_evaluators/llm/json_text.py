"""JSON in text that a language model wrote, and the strings inside JSON values."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any


def map_strings(value: Any, change: Callable[[str], str]) -> Any:
    """``value`` with ``change`` applied to every string in it, field names included."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, Mapping):
        return {change(name): map_strings(one, change) for name, one in value.items()}
    return [map_strings(one, change) for one in value] if isinstance(value, list) else value


def replace_surrogates(text: str) -> str:
    """``text`` that UTF-8 can encode: an unpaired surrogate, which JSON may contain, becomes �."""
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

    Code fences and text around them are ignored; objects inside the reasoning are left out.

    Args:
        text: the model's answer.
        at_line_starts: whether an object must begin a line, so that one quoted within a sentence
            is left out.
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
            return  # nested too deeply to be an answer
        else:
            yield _FoundObject(start, position, map_strings(value, replace_surrogates))


def _text_before_on_line(text: str, start: int) -> bool:
    return bool(text[text.rfind("\n", 0, start) + 1 : start].strip(" \t[,"))
