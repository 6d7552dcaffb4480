"""``diffkit ask``: lists or calls the tools of a method."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from diffkit.cli.app_context import context
from diffkit.cli.commands.run import get_or_run
from diffkit.cli.option_table import describe_fields, print_fields
from diffkit.cli.options import (
    Base,
    Config,
    Device,
    Dtype,
    Finetuned,
    Fresh,
    Json,
    Limit,
    Organism,
    Seed,
    Settings,
    TextsLimit,
    TextsSource,
    Variant,
)
from diffkit.cli.run_target import RunRequest, resolve_run

if TYPE_CHECKING:
    from diffkit.findings import Finding
    from diffkit.runs.manifest import StoredRun
    from diffkit.runs.method_tools import Tools
    from diffkit.runs.spec import RunSpec


def ask(
    method: Annotated[str, typer.Argument(metavar="METHOD", help="Name of a diffing method.")],
    tool: Annotated[
        str | None, typer.Argument(metavar="TOOL", help="Name of its tool; default: list them.")
    ] = None,
    argument: Annotated[
        list[str] | None,
        typer.Option(
            "--arg", metavar="NAME=VALUE", help="An argument of the tool; may be repeated."
        ),
    ] = None,
    organism: Organism = None,
    variant: Variant = None,
    base: Base = None,
    finetuned: Finetuned = None,
    texts: TextsSource = None,
    texts_limit: TextsLimit = None,
    setting: Settings = None,
    config: Config = None,
    seed: Seed = 0,
    device: Device = "auto",
    dtype: Dtype = None,
    fresh: Fresh = False,
    limit: Limit = 20,
    json: Json = False,
) -> None:
    """Ask a method about a run: list its tools, or call one; the flags say which run."""
    from diffkit.cli.console import info
    from diffkit.runs.method_tools import open_tools

    given = tuple(setting or ())
    models = (organism, variant, base, finetuned)
    which = RunRequest(method, *models, tuple(texts or ()), texts_limit, given, config, seed, dtype)
    spec = _resolve_run(which)
    if not context.store.has("runs", spec.identity().digest):
        info(f"The store does not hold this run of {method!r}; it is computed first.")
    run = get_or_run(spec, device, fresh=fresh)
    with open_tools(spec, run, device) as tools:
        if tool is None:
            _list_tools(tools, which, run, json)
        else:
            _print_answer(_call_tool(tools, tool, argument or [], which), run, limit, json)


def _resolve_run(which: RunRequest) -> "RunSpec":
    """The run that is meant, of a method that has tools.

    Raises:
        UserError: it has none; or as for `run_spec`.
    """
    from diffkit.errors import UserError
    from diffkit.registry.specs import kind_noun
    from diffkit.runs.method_tools import has_tools

    method = context.host.methods[which.method]
    if not has_tools(method):
        what = f"The {kind_noun(method)} {which.method!r} has no tools."
        command = f"diffkit run {which.method} {which.flags}".strip()
        raise UserError(what, hint=f"Its findings are all that it says: {command}")
    return resolve_run(which)


def _call_tool(
    tools: "Tools", name: str, arguments: list[str], which: RunRequest
) -> "tuple[Finding, ...]":
    """What the tool ``name`` answers.

    Raises:
        UserError: there is no such tool, or an argument does not fit.
    """
    from diffkit.errors import UnknownName
    from diffkit.options.validation import parse_settings, validate_record
    from diffkit.runs.method_tools import call_tool

    listing = f"diffkit ask {which.method} {which.flags}"
    if name not in tools:
        raise UnknownName(f"tool of {which.method!r}", name, tools, listing=listing)
    model = tools[name].Arguments
    given = parse_settings(arguments, model, flag="--arg", example="layer=3")
    return call_tool(
        tools[name], validate_record(model, given, word="argument", owner=name, listing=listing)
    )


def _list_tools(tools: "Tools", which: RunRequest, run: "StoredRun", json: bool) -> None:
    from diffkit.cli.console import info, print_json

    if json:
        print_json({**_about(run), "tools": [_describe_tool(name, tools) for name in tools]})
        return
    if not tools:
        command = f"diffkit run {which.method} {which.flags}"
        info(f"{which.method!r} has no tools for this run. Its findings: {command}")
        return
    for about in (_describe_tool(name, tools) for name in tools):
        print_fields(f"{about['name']}: {about['summary']}", about["arguments"])
    info(f"Next: diffkit ask {which.method} {next(iter(tools))} {which.flags} --arg NAME=VALUE")


def _about(run: "StoredRun") -> dict[str, Any]:
    """Which run was asked about: digest and labels, as `runs list --json` has them."""
    manifest = run.manifest
    return {"run": manifest.digest, "labels": manifest.labels.model_dump(mode="json")}


def _describe_tool(name: str, tools: "Tools") -> Mapping[str, Any]:
    arguments = describe_fields(tools[name].Arguments)
    return {"name": name, "summary": tools[name].summary, "arguments": arguments}


def _print_answer(answer: "tuple[Finding, ...]", run: "StoredRun", limit: int, json: bool) -> None:
    from diffkit.cli.console import out, print_json
    from diffkit.render.terminal.reports import render_items

    if json:
        findings = [finding.model_dump(mode="json") for finding in answer]
        print_json({**_about(run), "findings": findings})
    else:
        render_items(answer, run.artifacts, out, limit=limit)
