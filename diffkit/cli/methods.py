"""``diffkit methods``."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from diffkit.cli.fields import described, print_fields
from diffkit.cli.plugins import Json
from diffkit.cli.state import state

if TYPE_CHECKING:
    from diffkit.registry import Spec


def methods(
    name: Annotated[str | None, typer.Argument(help="Show the options of this one.")] = None,
    json: Json = False,
    schema: Annotated[
        bool, typer.Option("--schema", help="Print the options' JSON Schema.")
    ] = False,
) -> None:
    """List diffing methods and studies, or show the options of one."""
    from diffkit.cli.console import print_json

    if name is None:
        _list(json)
        return
    spec = state.host.methods[name]
    config = spec.load_config()
    if schema:
        print_json(config.model_json_schema())
    elif json:
        print_json({**_about(spec), "options": described(config)})
    else:
        _show(spec, described(config))


def _list(json: bool) -> None:
    from diffkit.cli.console import print_json, print_table

    entries = [{**_about(one.spec), "plugin": one.owner} for one in state.host.methods]
    if json:
        print_json(entries)
        return
    columns = ("name", "version", "plugin", "subject", "summary")
    rows = [tuple(entry[column] for column in columns) for entry in entries]
    titles = ("name", "version", "plugin", "looks at", "summary")
    print_table("Methods (which look at a pair) and studies (at one model)", titles, rows)


def _about(spec: "Spec") -> dict[str, Any]:
    return {
        "name": spec.name,
        "version": spec.version,
        "subject": spec.subject,
        "summary": spec.summary,
    }


def _show(spec: "Spec", options: list[dict[str, Any]]) -> None:
    from diffkit.cli.console import out
    from diffkit.implementation import noun

    kind = f"{noun(spec)} of a {spec.subject}, version {spec.version}"
    out.print(f"{spec.name} ({kind}): {spec.summary}\n", markup=False)
    if not options:
        out.print("It has no options.")
        return
    print_fields("Options", options)
    out.print(f"Set one: diffkit run {spec.name} … --set {options[0]['name']}=…", markup=False)
