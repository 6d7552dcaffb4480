"""Types of options and fields in plain words, such as ``list of numbers (> 0, ≤ 100)``."""

import re
import types
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from diffkit.options.import_path import ImportPath
from diffkit.options.input_file import InputFile

_NOUNS = {
    str: ("text", "texts"),
    int: ("integer", "integers"),
    float: ("number", "numbers"),
    bool: ("true or false", "true or false"),
    Path: ("path", "paths"),
    InputFile: ("file", "files"),
    ImportPath: ("name or import path", "names or import paths"),
    Any: ("any value", "any values"),
    type(None): ("null", "null"),
}
"""What one value of a type is called, and several."""
_LIMITS = (
    *(("ge", "≥"), ("gt", ">"), ("le", "≤"), ("lt", "<")),
    *(("min_length", "length ≥"), ("max_length", "length ≤")),
)


def class_words(kind: type[Any], several: bool) -> str:
    """A class in words: ``chat model`` for ``ChatModel``."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", kind.__name__).lower()
    return f"{words}s" if several else words


Naming = Callable[[type[Any], bool], str]
"""What a class is called that is no plain value, and several of it."""


def type_words(annotation: Any, naming: Naming = class_words, *, several: bool = False) -> str:
    """A type in the words of someone who writes a value in YAML or after ``--set``.

    Args:
        annotation: the annotation of a field.
        naming: what a class is called.
        several: whether for several values: ``numbers``.
    """
    if annotation in _NOUNS:
        return _NOUNS[annotation][several]
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        words, limits = type_words(arguments[0], naming, several=several), type_limits(arguments)
        return f"{words} ({limit_words(limits)})" if limits else words
    if origin in {Literal, Union, types.UnionType}:
        return _either(_alternatives(origin, arguments, naming, several))
    if isinstance(origin, type) and issubclass(origin, Mapping):
        key, value = (type_words(kind, naming, several=True) for kind in arguments)
        return f"mapping{'s' * several} of {key} to {value}"
    if isinstance(origin, type) and issubclass(origin, Sequence):
        return f"list{'s' * several} of {_content(arguments, naming)}"
    return naming(annotation if isinstance(annotation, type) else origin, several)


def _alternatives(
    origin: Any, arguments: Sequence[Any], naming: Naming, several: bool
) -> Iterator[str]:
    """The words or types between which a value has the choice."""
    for kind in arguments:
        if origin is Literal:
            yield value_words(kind)
        elif get_origin(kind) is Literal:
            yield from map(value_words, get_args(kind))
        elif kind is not int or float not in arguments:
            yield type_words(kind, naming, several=several)


def _content(arguments: Sequence[Any], naming: Naming) -> str:
    """What is in a list: ``numbers``, ``2 numbers``, ``text and number``."""
    kinds = [kind for kind in arguments if kind is not ...]
    if len(arguments) == 1 or ... in arguments:
        return type_words(kinds[0], naming, several=True)
    if all(kind == kinds[0] for kind in kinds):
        return f"{len(kinds)} {type_words(kinds[0], naming, several=True)}"
    return " and ".join(type_words(kind, naming) for kind in kinds)


def type_limits(rules: Iterable[Any]) -> dict[str, Any]:
    """Limits by sign, such as ``{"≥": 0, "length ≤": 32}``.

    Args:
        rules: metadata of a field, or of an `Annotated` type.
    """
    return {
        sign: value
        for rule in rules
        for part in (rule, *getattr(rule, "metadata", ()))
        for word, sign in _LIMITS
        if (value := getattr(part, word, None)) is not None
    }


def limit_words(limits: Mapping[str, int | float]) -> str:
    """Limits in one line, such as ``≥ 0, ≤ 1``."""
    return ", ".join(f"{sign} {_number(value)}" for sign, value in limits.items())


def value_words(value: Any) -> str:
    """A value as a YAML has it."""
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case str() | Path():
            return str(value) or '""'
        case Mapping():
            inner = ", ".join(f"{key}: {value_words(one)}" for key, one in value.items())
            return f"{{{inner}}}"
        case Sequence():
            return f"[{', '.join(map(value_words, value))}]"
        case _:
            return f"{value}"


def _number(value: int | float) -> str:
    """A limit, without an exponent where it is whole."""
    return str(int(value)) if value == int(value) else f"{value:g}"


def _either(words: Iterable[str]) -> str:
    *others, last = dict.fromkeys(words)
    return f"{', '.join(others)} or {last}" if others else last
