"""JSON objects in what a model wrote."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from diffkit_evaluators.lm.jsons import each_text, writable

_THOUGHT = "</think>"
_DECODER = json.JSONDecoder()


@dataclass(frozen=True)
class _Found:
    start: int
    end: int
    value: dict[str, Any]


def objects(text: str, *, at_line_starts: bool = False) -> tuple[dict[str, Any], ...]:
    """The outermost JSON objects in ``text``, in order.

    Fences and words around them do not matter; those within thoughts are left out.

    Args:
        text: what a model wrote.
        at_line_starts: whether only those count that begin a line, so that one that is quoted
            within a sentence does not.
    """
    found = tuple(_objects(text))
    ends = (match.start() for match in re.finditer(_THOUGHT, text))
    outside = (end for end in ends if not any(one.start <= end < one.end for one in found))
    answer = max(outside, default=-1)
    return tuple(
        one.value
        for one in found
        if one.start > answer and not (at_line_starts and _words_before(text, one.start))
    )


def _objects(text: str) -> Iterator[_Found]:
    position = 0
    while (start := text.find("{", position)) >= 0:
        try:
            value, position = _DECODER.raw_decode(text, start)
        except ValueError:
            position = start + 1
        except RecursionError:
            return  # nested beyond sense, and so is what it holds
        else:
            yield _Found(start, position, each_text(value, writable))


def _words_before(text: str, start: int) -> bool:
    return bool(text[text.rfind("\n", 0, start) + 1 : start].strip(" \t[,"))
