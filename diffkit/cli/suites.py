"""Suites from files and flags."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from diffkit.cli.state import state

if TYPE_CHECKING:
    from diffkit.evaluation.plan import Plan
    from diffkit.evaluation.suite import Suite

Names = list[str] | None
"""Values of a flag that may be repeated, or hold several, comma-separated."""


def plan_of(suite: Path | None, flags: dict[str, Any], settings: Sequence[str] = ()) -> "Plan":
    """The plan of a suite's file, of flags, or of both.

    Raises:
        UserError: a name, an option or a field does not fit.
    """
    from diffkit.errors import BadOption
    from diffkit.evaluation.plan import expand
    from diffkit.yamls import in_file

    try:
        return expand(_suite(suite, flags, settings), state.host, state.catalogue)
    except BadOption as error:
        raise (in_file(error, suite) if suite else error) from error


def split(values: Names) -> Names:
    """The names in ``values``; none where there are none."""
    names = [name.strip() for value in values or [] for name in value.split(",")]
    return list(filter(None, names)) or None


def controls_of(names: Names) -> Names:
    """Names of control rows; none where nothing is said of them."""
    from diffkit.evaluation.record import ControlArm

    if names == ["all"]:
        return list(get_args(ControlArm))
    return [] if names == ["none"] else names


def null_of(value: str) -> dict[str, Any]:
    """A calibration null of a suite, from ``NULL`` or ``NULL:DRAWS``."""
    from diffkit.errors import UserError

    null, _, draws = value.partition(":")
    if draws and not draws.isdigit():
        raise UserError(f"--calibrate {value!r}: {draws!r} is no count.", cure="Try: NULL:19")
    return {"organism": null, **({"draws": int(draws)} if draws else {})}


def models_of(values: Names) -> dict[str, str] | None:
    """Language models by role, from ``ROLE=MODEL``; none where nothing is said of them.

    Raises:
        UserError: there is no such role.
    """
    from diffkit.errors import UserError

    found = {}
    for value in values or []:
        role, equals, model = value.partition("=")
        if role not in {"investigator", "grader"} or not (equals and model):
            cure = "Try: --model investigator=openai/NAME --model grader=openai/OTHER"
            raise UserError(f"--model {value!r} is not ROLE=MODEL.", cure=cure)
        found[role] = model
    return found or None


KINDS = ("methods", "investigators", "graders", "generator_options")


def _set(suite: "Suite", settings: Sequence[str]) -> "Suite":
    """``suite`` with options set as ``KIND.NAME.OPTION=VALUE`` says.

    Raises:
        UserError: a setting is malformed, or names what the suite does not.
    """
    from diffkit.errors import UserError
    from diffkit.runs.options import parse_settings

    content = {kind: dict(getattr(suite, kind)) for kind in KINDS}
    for setting in settings:
        place, equals, value = setting.partition("=")
        kind, _, rest = place.strip().partition(".")
        name, _, option = rest.partition(".")
        if kind == "generator":
            config = state.host.generators[suite.generator].load_config()
            content["generator_options"] |= parse_settings([f"{rest}={value}"], config)
            continue
        if not (equals and option) or name not in content.get(kind, {}):
            cure = "Try: --set investigators.agent.questions=20"
            raise UserError(
                f"--set {setting!r} names nothing of the suite as KIND.NAME.OPTION=VALUE.",
                cure=cure,
            )
        config = getattr(state.host, kind)[name].load_config()
        content[kind][name] = content[kind][name] | parse_settings([f"{option}={value}"], config)
    return suite.model_copy(update=content) if settings else suite


def _located(
    methods: Mapping[str, Mapping[str, Any]], folder: Path
) -> dict[str, Mapping[str, Any]]:
    """Options of methods, with the paths of files found from the folder of the suite's own file."""
    from diffkit.runs.options import located

    return {
        name: located(state.host.methods[name].load_config(), options, folder) if options else {}
        for name, options in methods.items()
    }


def _suite(path: Path | None, flags: dict[str, Any], settings: Sequence[str]) -> "Suite":
    """The suite of a file, or of flags; flags given beside a file take the place of its fields."""
    from pydantic import ValidationError

    from diffkit.errors import UserError
    from diffkit.evaluation.suite import Suite
    from diffkit.yamls import explain, read_record

    given = {key: value for key, value in flags.items() if value is not None}
    content: dict[str, Any] = {}
    if path is not None:
        content = read_record(path, Suite).beside(path).model_dump(exclude_defaults=True)
        content["methods"] = _located(content["methods"], path.parent)
    try:
        suite = Suite.model_validate({**content, **given})
        return _set(suite, settings)
    except ValidationError as error:
        if not {"organisms", "methods"} <= {*content, *given}:
            cure = "Give a suite YAML, or at least --organisms NAME and --methods NAME."
            raise UserError("There is nothing to evaluate.", cure=cure) from error
        misfit = explain(error)
        what = f"--{misfit.place[0]}: {misfit.what}"
        raise UserError(what, cure="See `diffkit evaluate --help`.") from error
