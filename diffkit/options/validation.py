"""Validates options from the command line and from files before anything runs."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, get_args, get_origin

import yaml
from pydantic import ValidationError

from diffkit.errors import BadFile, BadOption, UserError, did_you_mean
from diffkit.method import MethodConfig
from diffkit.options.import_path import ImportPath
from diffkit.options.input_file import InputFile, relative_to_folder
from diffkit.options.yaml_records import explain_validation_error, read_yaml
from diffkit.organism import Record
from diffkit.registry.specs import Spec

R = TypeVar("R", bound=Record)

_AS_TYPED = (str, ImportPath, InputFile, NoneType)


def validate_options(
    spec: Spec, options: Mapping[str, Any], *, kind: str = "method"
) -> MethodConfig:
    """The options of ``spec`` with defaults filled in.

    Args:
        spec: the spec that has the options.
        options: given values by name.
        kind: kind of ``spec``, for messages.

    Raises:
        BadOption: an option that it does not have, or a value that does not fit.
    """
    listing = f"diffkit {kind}s {spec.name}"
    config: type[MethodConfig] = spec.load_config()
    return validate_record(config, options, word="option", owner=spec.name, listing=listing)


def validate_record(
    model: type[R], values: Mapping[str, Any], *, word: str, owner: str, listing: str
) -> R:
    """``values`` as a ``model``, with defaults filled in.

    Args:
        model: a record of options or arguments.
        values: given values by name.
        word: the word for one of them, such as ``option``.
        owner: name of their owner, such as a method.
        listing: the command that lists them.

    Raises:
        BadOption: a name that it does not have, or a value that does not fit.
    """
    for name in values:
        if name not in model.model_fields:
            hint = did_you_mean(str(name), model.model_fields, listing=listing)
            what = f"There is no {word} of {owner!r} named {name!r}."
            raise BadOption(what, (str(name),), hint=hint)
    try:
        return model.model_validate(dict(values))
    except ValidationError as error:
        misfit = explain_validation_error(error)
        at = f"{word.capitalize()} {misfit.field!r}" if misfit.place else f"The {word}s"
        what, place = f"{at} of {owner!r}: {misfit.what}", tuple(map(str, misfit.place))
        raise BadOption(what, place, hint=f"See `{listing}`.") from error


def parse_settings(
    settings: Iterable[str],
    model: type[Record],
    *,
    flag: str = "--set",
    example: str = "top=5",
) -> dict[str, Any]:
    """Parses ``key=value`` strings; values are YAML, so ``3``, ``true`` and ``[a, b]`` have types.

    For a field that is text or a file, the value is kept as typed, unless it is quoted; an empty
    value is none if the field may be none.

    Args:
        settings: the strings.
        model: the record that has the fields.
        flag: the flag of the strings, for messages.
        example: a valid string, for messages.

    Raises:
        UserError: one has no ``=``, or its value is malformed.
    """
    options: dict[str, Any] = {}
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not equals or not key:
            what = f"{flag} {setting!r} is not key=value."
            raise UserError(what, hint=f"Try: {flag} {example}")
        key = key.strip()
        try:
            options[key] = _parse_value(value, _field_types(model, key))
        except yaml.YAMLError as error:
            hint = f"Quote it twice, as in: {flag} '{key}=\"…\"'"
            raise UserError(f"The value of {flag} {setting!r} is not YAML.", hint=hint) from error
    return options


def _field_types(model: type[Record], name: str) -> tuple[Any, ...]:
    """The types that a field accepts; empty if there is no such field."""
    field = model.model_fields.get(name)
    if field is None:
        return ()
    one = field.annotation
    return get_args(one) if get_origin(one) in {Union, UnionType} else (one,)


def _parse_value(typed: str, kinds: tuple[Any, ...]) -> Any:
    bare = typed.strip()
    is_text = bool(kinds) and all(kind in _AS_TYPED for kind in kinds)
    if is_text and NoneType in kinds and not bare:
        return None
    if is_text and not bare.startswith(('"', "'")):
        return bare  # YAML would cut it at a " #", say
    try:
        value = yaml.safe_load(typed)
    except yaml.YAMLError:
        if is_text:
            return bare
        raise
    return bare if is_text and not isinstance(value, str) else value


def options_from_folder(
    model: type[Record], options: Mapping[str, Any], folder: Path
) -> dict[str, Any]:
    """Options of a YAML in ``folder``, with paths of input files resolved there."""
    return {
        name: relative_to_folder(folder, value) if InputFile in _field_types(model, name) else value
        for name, value in options.items()
    }


def read_options(path: Path) -> dict[str, Any]:
    """Options from a YAML file that maps names to values.

    Raises:
        BadFile: the file is missing, empty, malformed or not a mapping.
    """
    value = read_yaml(path)
    if not isinstance(value, dict):
        raise BadFile(path, f"must map option names to values, not {type(value).__name__}.")
    return value
