"""What a plugin must keep when it registers: names, versions and types of options."""

import re
import types
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel

_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_PLAIN = (str, int, float, bool, Enum, Path, BaseModel, types.NoneType)
_CONTAINERS = (list, tuple, dict, set, frozenset, Mapping, Sequence, AbstractSet)
_UNIONS = (Union, types.UnionType, Annotated)


def check_words(name: object, summary: object, version: object) -> None:
    """Checks a name in kebab-case, a summary of one line and a version from 1 on.

    Raises:
        ValueError: one of them is not so; the message says which.
    """
    if not (isinstance(name, str) and _NAME.fullmatch(name)):
        msg = f"the name {name!r} is not in kebab-case, such as 'my-method'"
        raise ValueError(msg)
    if not (isinstance(summary, str) and summary.strip() and "\n" not in summary):
        msg = f"the summary of {name!r} is not one line: {summary!r}"
        raise ValueError(msg)
    if not (type(version) is int and version >= 1):
        msg = f"the version of {name!r} is {version!r}, not a whole number from 1 on"
        raise ValueError(msg)


def check_option_types(config: Any) -> None:
    """Checks that options have types that JSON can hold, since they are part of a run's key.

    Allowed are text, numbers, booleans, none, literals, enumerations, paths, records, option types
    of diffkit (`InputFile`, `ImportPath`), and lists, tuples, sets and mappings of these.

    Args:
        config: the class of options.

    Raises:
        TypeError: it is no pydantic model, or an option has another type; the message names it.
    """
    if not (isinstance(config, type) and issubclass(config, BaseModel)):
        msg = f"the options {config!r} are no MethodConfig"
        raise TypeError(msg)
    for name, field in config.model_fields.items():
        if not _is_json_type(field.annotation):
            shown = getattr(field.annotation, "__name__", field.annotation)
            msg = f"the option {name!r} has the type {shown}, which JSON cannot hold"
            raise TypeError(msg)


def _is_json_type(annotation: Any) -> bool:
    origin = get_origin(annotation)
    if origin is Literal:
        return True
    if origin is Annotated:
        return _is_json_type(get_args(annotation)[0])
    if origin in _UNIONS or origin in _CONTAINERS:
        return all(one is Ellipsis or _is_json_type(one) for one in get_args(annotation))
    if not isinstance(annotation, type):
        return annotation is None
    return issubclass(annotation, _PLAIN) or hasattr(annotation, "__get_pydantic_json_schema__")
