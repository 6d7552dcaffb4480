"""Reads YAML files into records; errors name the file, the line and the field."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from diffkit.errors import BadFile, BadOption, did_you_mean
from diffkit.options.text_files import read_text, writable

R = TypeVar("R", bound=BaseModel)

_PLAINER = {"tuple_type": "Input should be a list, such as [one, another]"}
"""Plainer messages than pydantic's, by type of error."""


def read_yaml(path: Path, *, example: str = "") -> Any:
    """The value of a YAML file.

    Args:
        path: the file.
        example: a hint if the file is empty.

    Raises:
        BadFile: the file is missing, empty or malformed.
    """
    text = read_text(path)
    try:
        value = writable(yaml.safe_load(text))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or "malformed"
        line = mark.line + 1 if mark else None
        raise BadFile(path, f"is not YAML ({problem}).", line=line) from error
    if value is None:
        raise BadFile(path, "is empty.", hint=example or "See `docs/` for an example.")
    return value


def read_record(path: Path, model: type[R], *, example: str = "") -> R:
    """A YAML file as a ``model``.

    Args:
        path: the file.
        model: the model of its content.
        example: a hint if the content does not fit or is empty.

    Raises:
        BadFile: the file is missing, empty, malformed, or does not fit the model.
    """
    value = read_yaml(path, example=example)
    try:
        return model.model_validate(value)
    except ValidationError as error:
        misfit = explain_validation_error(error, model)
        line = line_of(path, misfit.place)
        raise BadFile(path, misfit.what, line=line, field=misfit.field, hint=example) from error


def path_from(folder: Path, place: Path | str) -> Path:
    """The place that a path in a YAML file in ``folder`` means, without ``..`` where possible.

    A ``..`` stays after a symbolic link, where dropping it would mean another place.
    """
    joined = folder / Path(place).expanduser()
    plain = Path(os.path.normpath(joined))
    return plain if plain.resolve() == joined.resolve() else joined


def error_in_file(error: BadOption, path: Path) -> BadFile:
    """The same error with the file, line and field of the option."""
    field = ".".join(error.place)
    return BadFile(path, error.what, line=line_of(path, error.place), field=field, hint=error.hint)


@dataclass(frozen=True)
class FieldError:
    """A field that does not fit, and the reason."""

    place: tuple[int | str, ...]
    """Keys and positions on the path to it."""
    what: str
    """The problem, with the offending value."""

    @property
    def field(self) -> str:
        """Its dotted name."""
        return ".".join(str(part) for part in self.place)


def explain_validation_error(
    error: ValidationError, model: type[BaseModel] | None = None
) -> FieldError:
    """The most useful of a record's errors: a misspelt field before the field it leaves missing."""
    first, *others = sorted(error.errors(), key=lambda one: one["type"] != "extra_forbidden")
    others = [other for other in others if other["type"] != "too_short"]  # follows from the first
    more = f" (and {len(others)} more)" if others else ""
    place, kind = first["loc"], first["type"]
    if kind == "missing":
        return FieldError(place, f"this field is required{more}.")
    if kind != "extra_forbidden":
        return FieldError(place, f"{_error_text(first)}{more}.")
    top = model is not None and len(place) == 1
    near = did_you_mean(str(place[0]), model.model_fields) if top and model else ""
    if top and model and not near:
        near = f"There are: {', '.join(model.model_fields)}."
    return FieldError(place, f"there is no such field{more}. {near}".strip())


def _error_text(error: ErrorDetails) -> str:
    """The problem of a value, and the value, unless it is a record with inconsistent fields."""
    what = _PLAINER.get(error["type"], error["msg"].removeprefix("Value error, "))
    value = error.get("input")
    of_record = error["type"] == "value_error" and isinstance(value, Mapping)
    return what if of_record else f"{what}, got {_shortened(value)}"


def _shortened(value: object, limit: int = 60) -> str:
    shown = repr(value)
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


def line_of(path: Path, place: tuple[int | str, ...]) -> int | None:
    """The line of the deepest part of ``place`` that is in the file."""
    node = yaml.compose(read_text(path), Loader=yaml.SafeLoader)
    line: int | None = node.start_mark.line + 1 if node else None
    for part in place:
        inner = _child(node, part)
        if inner is None:
            continue  # union tags are in pydantic's locations but not in the file
        line, node = inner
    return line


def _child(node: Any, part: int | str) -> tuple[int, Any] | None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == str(part):
                return key.start_mark.line + 1, value
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        return node.value[part].start_mark.line + 1, node.value[part]
    return None
