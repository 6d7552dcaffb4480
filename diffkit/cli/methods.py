"""``diffkit methods``."""

from typing import Annotated, Any

import typer

from diffkit.cli.plugins import Json
from diffkit.cli.state import state


def methods(
    name: Annotated[str | None, typer.Argument(help="Show the options of this method.")] = None,
    json: Json = False,
    schema: Annotated[
        bool, typer.Option("--schema", help="Print the options' JSON Schema.")
    ] = False,
) -> None:
    """List diffing methods, or show the options of one."""
    from diffkit.cli.console import print_json, print_table

    if name is None:
        entries = [_entry(entry) for entry in state.host.methods]
        if json:
            print_json(entries)
            return
        rows = [(e["name"], e["version"], e["plugin"], e["summary"]) for e in entries]
        print_table("Methods", ("name", "version", "plugin", "summary"), rows)
        return
    spec = state.host.methods[name]
    config = spec.load_config()
    if schema:
        print_json(config.model_json_schema())
    elif json:
        print_json([_option(key, field) for key, field in config.model_fields.items()])
    else:
        _show(spec, config)


def _entry(entry: Any) -> dict[str, Any]:
    spec = entry.spec
    return {
        "name": spec.name,
        "version": spec.version,
        "plugin": entry.owner,
        "summary": spec.summary,
    }


def _option(name: str, field: Any) -> dict[str, Any]:
    from pydantic_core import to_jsonable_python

    bounds = {
        sign: getattr(rule, word)
        for rule in field.metadata
        for word, sign in (("ge", "≥"), ("gt", ">"), ("le", "≤"), ("lt", "<"))
        if hasattr(rule, word)
    }
    kind = field.annotation
    return {
        "name": name,
        "type": kind.__name__ if isinstance(kind, type) else str(kind).replace("typing.", ""),
        "bounds": bounds,
        "default": None if field.is_required() else to_jsonable_python(_default(field)),
        "required": field.is_required(),
        "execution": bool((field.json_schema_extra or {}).get("execution")),
        "help": " ".join((field.description or "").split()),
    }


def _default(field: Any) -> Any:
    return field.get_default(call_default_factory=True)


def _show(spec: Any, config: Any) -> None:
    from diffkit.cli.console import out, print_table

    out.print(f"{spec.name} (version {spec.version}): {spec.summary}\n", markup=False)
    options = [_option(key, field) for key, field in config.model_fields.items()]
    rows = [
        (
            option["name"],
            option["type"],
            ", ".join(f"{sign} {value:g}" for sign, value in option["bounds"].items()),
            "required" if option["required"] else option["default"],
            f"{option['help']}{' Never changes the result.' if option['execution'] else ''}",
        )
        for option in options
    ]
    if not options:
        out.print("It has no options.")
        return
    print_table("Options", ("name", "type", "bounds", "default", "meaning"), rows)
    out.print(f"Set one: diffkit run {spec.name} … --set {options[0]['name']}=…", markup=False)
