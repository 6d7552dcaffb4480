"""JSON in text that a language model wrote, and the strings inside JSON values."""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
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


_TAGS = "think|thinking|thought|thoughts|reasoning|reason|reflection|scratchpad|seed:think"

_REASONING = re.compile(
    rf"(?P<open><(?:{_TAGS})\b[^<>]*>"
    r"|\[THINK\]|◁think▷|<\|begin_of_thought\|>|<\|START_THINKING\|>|<unused94>"
    r"|<\|channel\|?>\s*(?:analysis|commentary|thought)|\A\s*analysis(?=[A-Z]))"
    rf"|(?P<close></(?:{_TAGS})>"
    r"|\[/THINK\]|◁/think▷|<\|end_of_thought\|>|<\|END_THINKING\|>|<unused95>"
    r"|<\|channel\|>\s*final|<channel\|>|assistantfinal)",
    re.IGNORECASE,
)
"""Where reasoning begins and ends in the text of models whose server does not set it apart."""

_DECODER = json.JSONDecoder()


@dataclass(frozen=True)
class _FoundObject:
    start: int
    end: int
    value: dict[str, Any]


def find_objects(text: str, *, at_line_starts: bool = False) -> tuple[dict[str, Any], ...]:
    """The outermost JSON objects in ``text``, in order.

    Code fences and text around them are ignored; objects inside the reasoning are left out. Where
    the reasoning does not end there is no answer, and so no object.

    Args:
        text: the model's answer.
        at_line_starts: whether an object must begin a line, so that one quoted within a sentence
            is left out.
    """
    found = tuple(_all_objects(text))
    answer = _answer_start(text, found)
    return tuple(
        one.value
        for one in found
        if one.start >= answer and not (at_line_starts and _text_before_on_line(text, one.start))
    )


def within_reasoning(text: str) -> bool:
    """Whether ``text`` ends before its reasoning does."""
    return _answer_start(text, tuple(_all_objects(text))) > len(text)


def _answer_start(text: str, objects: Sequence[_FoundObject]) -> int:
    """Where the answer begins: after the reasoning; beyond the text where that does not end.

    Marks in the strings of whole objects are quotations.
    """
    start = 0
    for mark in _REASONING.finditer(text):
        if any(one.start <= mark.start() < one.end for one in objects):
            continue
        start = mark.end() if mark["close"] else len(text) + 1
    return start


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
