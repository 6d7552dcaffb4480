"""``diffkit ask``."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from diffkit.cli.fields import described, print_fields
from diffkit.cli.flags import (
    Base,
    Config,
    Device,
    Dtype,
    Finetuned,
    Fresh,
    Limit,
    Organism,
    Seed,
    Settings,
    TextsLimit,
    TextsSource,
    Variant,
)
from diffkit.cli.plugins import Json
from diffkit.cli.run import obtain
from diffkit.cli.state import state
from diffkit.cli.which import Which, run_spec

if TYPE_CHECKING:
    from diffkit.findings import Finding
    from diffkit.runs.manifest import StoredRun
    from diffkit.runs.spec import RunSpec
    from diffkit.runs.tools import Tools


def ask(
    method: Annotated[str, typer.Argument(help="Name of a diffing method.")],
    tool: Annotated[
        str | None, typer.Argument(help="Name of its tool; default: list them.")
    ] = None,
    argument: Annotated[
        list[str] | None, typer.Option("--arg", help="key=value of the tool; may be repeated.")
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
    from diffkit.cli.console import say
    from diffkit.runs.tools import open_tools

    given = tuple(setting or ())
    models = (organism, variant, base, finetuned)
    which = Which(method, *models, tuple(texts or ()), texts_limit, given, config, seed, dtype)
    spec = _askable(which)
    if not state.store.has("runs", spec.identity().digest):
        say(f"The store does not hold this run of {method!r}; it is computed first.")
    run = obtain(spec, device, fresh=fresh)
    with open_tools(spec, run, device) as tools:
        if tool is None:
            _list(tools, which, json)
        else:
            _show(_answer(tools, tool, argument or [], which), run, limit, json)


def _askable(which: Which) -> "RunSpec":
    """The run that is meant, of a method that has tools.

    Raises:
        UserError: it has none; or as for `run_spec`.
    """
    from diffkit.errors import UserError
    from diffkit.implementation import noun
    from diffkit.runs.tools import has_tools

    method = state.host.methods[which.method]
    if not has_tools(method):
        what = f"The {noun(method)} {which.method!r} has no tools."
        command = f"diffkit run {which.method} {which.flags}".strip()
        raise UserError(what, cure=f"Its findings are all that it says: {command}")
    return run_spec(which)


def _answer(tools: "Tools", name: str, arguments: list[str], which: Which) -> "tuple[Finding, ...]":
    """What the tool ``name`` answers.

    Raises:
        UserError: there is no such tool, or an argument does not fit.
    """
    from diffkit.errors import UnknownName
    from diffkit.runs.options import parse_settings, validate
    from diffkit.runs.tools import call

    listing = f"diffkit ask {which.method} {which.flags}"
    if name not in tools:
        raise UnknownName(f"tool of {which.method!r}", name, tools, listing=listing)
    model = tools[name].Arguments
    given = parse_settings(arguments, model, flag="--arg", example="layer=3")
    return call(tools[name], validate(model, given, word="argument", owner=name, listing=listing))


def _list(tools: "Tools", which: Which, json: bool) -> None:
    from diffkit.cli.console import print_json, say

    if json:
        print_json([_about(name, tools) for name in tools])
        return
    if not tools:
        command = f"diffkit run {which.method} {which.flags}"
        say(f"{which.method!r} has no tools for this run. Its findings: {command}")
        return
    for about in (_about(name, tools) for name in tools):
        print_fields(f"{about['name']}: {about['summary']}", about["arguments"])
    say(f"Next: diffkit ask {which.method} {next(iter(tools))} {which.flags} --arg NAME=VALUE")


def _about(name: str, tools: "Tools") -> Mapping[str, Any]:
    arguments = described(tools[name].Arguments)
    return {"name": name, "summary": tools[name].summary, "arguments": arguments}


def _show(answer: "tuple[Finding, ...]", run: "StoredRun", limit: int, json: bool) -> None:
    from diffkit.cli.console import out, print_json
    from diffkit.render.text import render_items

    if json:
        print_json([finding.model_dump(mode="json") for finding in answer])
    else:
        render_items(answer, run.artifacts, out, limit=limit)
