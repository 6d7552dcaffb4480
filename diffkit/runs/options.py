"""Options from the command line and from files, checked before anything runs."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from diffkit.errors import BadFile, BadOption, UserError, did_you_mean
from diffkit.method import MethodConfig
from diffkit.registry import Spec
from diffkit.yamls import explain, read_yaml


def configure(spec: Spec, options: Mapping[str, Any]) -> MethodConfig:
    """The options of ``spec`` with defaults filled in.

    Raises:
        BadOption: an option that it does not have, or a value that does not fit.
    """
    config = spec.load_config()
    listing = f"diffkit methods {spec.name}"
    for name in options:
        if name not in config.model_fields:
            cure = did_you_mean(str(name), config.model_fields, listing=listing)
            what = f"There is no option of {spec.name!r} named {name!r}."
            raise BadOption(what, (str(name),), cure=cure)
    try:
        return config.model_validate(dict(options))  # type: ignore[no-any-return]
    except ValidationError as error:
        misfit = explain(error)
        at = f"Option {misfit.field!r}" if misfit.place else "The options"
        what, place = f"{at} of {spec.name!r}: {misfit.what}", tuple(map(str, misfit.place))
        raise BadOption(what, place, cure=f"See `{listing}`.") from error


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
            cure = f"Quote it twice, as in: --set '{key}=\"…\"'"
            raise UserError(f"The value of --set {setting!r} is not YAML.", cure=cure) from error
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
