"""Options from the command line and from files, checked before anything runs."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from diffkit.errors import BadFile, UnknownName, UserError
from diffkit.method import MethodConfig
from diffkit.registry import Spec
from diffkit.yamls import read_yaml


def configure(spec: Spec, options: Mapping[str, Any]) -> MethodConfig:
    """The options of ``spec`` with defaults filled in.

    Raises:
        UnknownName: an option that it does not have.
        UserError: a value that does not fit.
    """
    config = spec.load_config()
    listing = f"diffkit methods {spec.name}"
    for name in options:
        if name not in config.model_fields:
            raise UnknownName(
                f"option of {spec.name!r}", name, config.model_fields, listing=listing
            )
    try:
        return config.model_validate(dict(options))  # type: ignore[no-any-return]
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        what = f"Option {field!r} of {spec.name!r}: {first['msg']}, got {first['input']!r}."
        raise UserError(what, cure=f"See `{listing}`.") from error


def parse_settings(settings: Iterable[str]) -> dict[str, Any]:
    """``key=value`` strings; values are read as YAML, so ``3``, ``true`` and ``[a, b]`` are typed.

    Raises:
        UserError: one has no ``=``, or its value is malformed.
    """
    options: dict[str, Any] = {}
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not equals or not key:
            raise UserError(f"--set {setting!r} is not key=value.", cure="Try: --set top=5")
        try:
            options[key.strip()] = yaml.safe_load(value)
        except yaml.YAMLError as error:
            raise UserError(f"The value of --set {setting!r} cannot be read.") from error
    return options


def read_options(path: Path) -> dict[str, Any]:
    """Options from a YAML file that maps names to values.

    Raises:
        BadFile: the file is missing, empty, malformed or not a mapping.
    """
    value = read_yaml(path)
    if not isinstance(value, dict):
        raise BadFile(path, f"must map option names to values, not {type(value).__name__}.")
    return value
