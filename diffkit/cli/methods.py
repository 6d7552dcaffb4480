"""``diffkit methods``, ``investigators``, ``graders`` and ``generators``."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from diffkit.cli.fields import described, print_fields
from diffkit.cli.plugins import Json
from diffkit.cli.state import state

if TYPE_CHECKING:
    from diffkit.registry import Registry, Spec


Name = Annotated[str | None, typer.Argument(help="Show the options of this one.")]
Schema = Annotated[bool, typer.Option("--schema", help="Print the options' JSON Schema.")]


def methods(name: Name = None, json: Json = False, schema: Schema = False) -> None:
    """List diffing methods and studies, or show the options of one."""
    _list_or_show(state.host.methods, name, json=json, schema=schema)


def investigators(name: Name = None, json: Json = False, schema: Schema = False) -> None:
    """List investigators, or show the options of one."""
    _list_or_show(state.host.investigators, name, json=json, schema=schema)


def graders(name: Name = None, json: Json = False, schema: Schema = False) -> None:
    """List graders, or show the options of one."""
    _list_or_show(state.host.graders, name, json=json, schema=schema)


def generators(name: Name = None, json: Json = False, schema: Schema = False) -> None:
    """List generators, or show the options of one."""
    _list_or_show(state.host.generators, name, json=json, schema=schema)


def _list_or_show(registry: "Registry", name: str | None, *, json: bool, schema: bool) -> None:
    from diffkit.cli.console import print_json

    if name is None:
        _list(registry, json)
        return
    spec = registry[name]
    config = spec.load_config()
    if schema:
        print_json(config.model_json_schema())
    elif json:
        print_json({**_about(spec, registry), "options": described(config)})
    else:
        _show(spec, registry, described(config))


def _list(registry: "Registry", json: bool) -> None:
    from diffkit.cli.console import print_json, print_table

    entries = [{**_about(one.spec, registry), "plugin": one.owner} for one in registry]
    if json:
        print_json(entries)
        return
    columns = ["name", "version", "plugin", *_looks(registry), "summary"]
    rows = [tuple(entry[column] for column in columns) for entry in entries]
    titles = ["looks at" if column == "subject" else column for column in columns]
    print_table(TITLES.get(registry.kind, f"{registry.kind.capitalize()}s"), titles, rows)


TITLES = {"method": "Methods (which look at a pair) and studies (at one model)"}


def _looks(registry: "Registry") -> list[str]:
    """Only what is in the registry of methods looks at a pair or at one model."""
    return ["subject"] if registry.kind == "method" else []


def _about(spec: "Spec", registry: "Registry") -> dict[str, Any]:
    looks = {"subject": spec.subject} if _looks(registry) else {}
    return {"name": spec.name, "version": spec.version, **looks, "summary": spec.summary}


def _show(spec: "Spec", registry: "Registry", options: list[dict[str, Any]]) -> None:
    from diffkit.cli.console import out
    from diffkit.implementation import noun

    method = registry.kind == "method"
    kind = f"{noun(spec)} of a {spec.subject}" if method else registry.kind
    out.print(f"{spec.name} ({kind}, version {spec.version}): {spec.summary}\n", markup=False)
    if not options:
        out.print("It has no options.")
        return
    print_fields("Options", options)
    where = f"diffkit run {spec.name} … --set " if method else _in_suites(spec, registry)
    out.print(f"Set one: {where}{options[0]['name']}=…", markup=False)


def _in_suites(spec: "Spec", registry: "Registry") -> str:
    if registry.kind == "generator":
        return f"diffkit evaluate … --generator {spec.name} --set generator."
    return f"diffkit evaluate … --set {registry.kind}s.{spec.name}."
