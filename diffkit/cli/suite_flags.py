"""Suites read from a file, from options, or from both."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from diffkit.cli.app_context import context
from diffkit.cli.hints import hint_of_bases, typed
from diffkit.cli.options import Names

if TYPE_CHECKING:
    from diffkit.evaluation.plan import Plan
    from diffkit.evaluation.suite import Suite


def read_plan(suite: Path | None, flags: dict[str, Any], settings: Sequence[str] = ()) -> "Plan":
    """The plan of a suite's file, of flags, or of both.

    Raises:
        UserError: a name, an option or a field does not fit.
    """
    from diffkit.errors import BadOption, SeveralBases, UserError
    from diffkit.evaluation.plan import expand_suite
    from diffkit.options.yaml_records import error_in_file

    try:
        return expand_suite(_read_suite(suite, flags, settings), context.host, context.catalogue)
    except BadOption as error:
        raise (error_in_file(error, suite) if suite else error) from error
    except SeveralBases as error:
        raise UserError(error.what, hint=hint_of_bases(error, typed())) from error


def parse_base(value: str | None) -> str | None:
    """A base as suites name it: ``all`` on the command line is ``*``."""
    return "*" if value == "all" else value


def parse_controls(names: Names) -> Names:
    """Names of control rows; none where nothing is said of them."""
    from diffkit.evaluation.record import ControlArm

    if names == ["all"]:
        return list(get_args(ControlArm))
    return [] if names == ["none"] else names


def parse_null(value: str) -> dict[str, Any]:
    """A calibration null of a suite, from ``NULL`` or ``NULL:DRAWS``."""
    from diffkit.errors import UserError

    null, _, draws = value.partition(":")
    if draws and not draws.isdigit():
        raise UserError(f"--calibrate {value!r}: {draws!r} is no count.", hint="Try: NULL:19")
    return {"organism": null, **({"draws": int(draws)} if draws else {})}


def parse_models(values: Names) -> dict[str, str] | None:
    """Language models by role, from ``ROLE=MODEL``; none where nothing is said of them.

    Raises:
        UserError: there is no such role.
    """
    from diffkit.errors import UserError

    found = {}
    for value in values or []:
        role, equals, model = value.partition("=")
        if role not in {"investigator", "grader"} or not (equals and model):
            hint = "Try: --model investigator=openai/NAME --model grader=openai/OTHER"
            raise UserError(f"--model {value!r} is not ROLE=MODEL.", hint=hint)
        found[role] = model
    return found or None


OPTION_GROUPS = ("methods", "investigators", "graders", "generator_options")


def _apply_settings(suite: "Suite", settings: Sequence[str]) -> "Suite":
    """``suite`` with options set as ``KIND.NAME.OPTION=VALUE`` says.

    Raises:
        UserError: a setting is malformed, or names what the suite does not.
    """
    from diffkit.cli.run_target import files_of_runs
    from diffkit.errors import UserError
    from diffkit.options.validation import parse_settings

    content = {kind: dict(getattr(suite, kind)) for kind in OPTION_GROUPS}
    for setting in settings:
        place, equals, value = setting.partition("=")
        kind, _, rest = place.strip().partition(".")
        name, _, option = rest.partition(".")
        if kind == "generator":
            config = context.host.generators[suite.generator].load_config()
            content["generator_options"] |= parse_settings([f"{rest}={value}"], config)
            continue
        if not (equals and option) or name not in content.get(kind, {}):
            hint = _setting_hint(content, setting)
            raise UserError(
                f"--set {setting!r} names nothing of the suite as KIND.NAME.OPTION=VALUE.",
                hint=hint,
            )
        config = getattr(context.host, kind)[name].load_config()
        given = files_of_runs(config, parse_settings([f"{option}={value}"], config))
        content[kind][name] = content[kind][name] | given
    return suite.model_copy(update=content) if settings else suite


def _setting_hint(content: Mapping[str, Mapping[str, Any]], setting: str) -> str:
    """The setting that was meant, with the kind that was left out; else an example."""
    name = setting.partition(".")[0]
    for kind, named in content.items():
        if name in named:
            return f"Try: --set {kind}.{setting}"
    return "Try: --set investigators.agent.questions=20"


def _resolve_paths(
    methods: Mapping[str, Mapping[str, Any]], folder: Path
) -> dict[str, Mapping[str, Any]]:
    """Options of methods, with the paths of files found from the folder of the suite's own file."""
    from diffkit.options.validation import options_from_folder

    return {
        name: options_from_folder(context.host.methods[name].load_config(), options, folder)
        if options
        else {}
        for name, options in methods.items()
    }


def _read_suite(path: Path | None, flags: dict[str, Any], settings: Sequence[str]) -> "Suite":
    """The suite of a file, or of flags; flags given beside a file take the place of its fields."""
    from pydantic import ValidationError

    from diffkit.errors import UserError
    from diffkit.evaluation.suite import Suite
    from diffkit.options.yaml_records import explain_validation_error, read_record

    given = {key: value for key, value in flags.items() if value is not None}
    content: dict[str, Any] = {}
    if path is not None:
        content = read_record(path, Suite).resolve_paths(path).model_dump(exclude_defaults=True)
        content["methods"] = _resolve_paths(content["methods"], path.parent)
    try:
        suite = Suite.model_validate({**content, **given})
        return _apply_settings(suite, settings)
    except ValidationError as error:
        if not {"organisms", "methods"} <= {*content, *given}:
            hint = "Give a suite YAML, or at least --organisms NAME and --methods NAME."
            raise UserError("There is nothing to evaluate.", hint=hint) from error
        misfit = explain_validation_error(error)
        what = f"--{misfit.place[0]}: {misfit.what}"
        raise UserError(what, hint="See `diffkit evaluate --help`.") from error
