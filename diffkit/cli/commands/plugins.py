"""``diffkit plugins``, ``methods``, ``investigators``, ``graders`` and ``generators``."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from diffkit.cli.app_context import context
from diffkit.cli.option_table import describe_fields, print_fields
from diffkit.cli.options import Json

if TYPE_CHECKING:
    from diffkit.registry.plugin_host import LoadedPlugin
    from diffkit.registry.specs import Registry, Spec


def plugins(json: Json = False) -> None:
    """List plugins, what each registers, and which are broken."""
    from diffkit.cli.console import print_json, print_lines, print_table

    host = context.host
    context.warn_of_broken_plugins()
    if json:
        loaded = [
            {**vars(p), "registers": _registered_names(p), "error": None} for p in host.plugins
        ]
        print_json([*loaded, *(vars(plugin) for plugin in host.broken)])
        return
    rows = [(p.name, p.distribution, _registered_text(p)) for p in host.plugins]
    rows += [(p.name, p.distribution, f"broken: {p.error}") for p in host.broken]
    print_table("Plugins", ("name", "distribution", "registers"), rows)
    print_lines("Turn one off: --no-plugin NAME, or DIFFKIT_DISABLE_PLUGINS=NAME,NAME")


def _registered_names(plugin: "LoadedPlugin") -> dict[str, list[str]]:
    """Names by kind."""
    found: dict[str, list[str]] = {}
    for registry in context.host.registries:
        for spec in (entry.spec for entry in registry if entry.owner == plugin.name):
            kind = "studies" if spec.subject == "model" else f"{registry.kind}s"
            found.setdefault(kind, []).append(spec.name)
    return found


def _registered_text(plugin: "LoadedPlugin") -> str:
    named = [f"{kind}: {', '.join(names)}" for kind, names in _registered_names(plugin).items()]
    folders = ["organisms"] if "register_organisms" in plugin.hooks else []
    return "; ".join([*named, *folders])


Name = Annotated[str | None, typer.Argument(metavar="NAME", help="Show the options of this one.")]

Schema = Annotated[bool, typer.Option("--schema", help="Print the options' JSON Schema.")]


def methods(name: Name = None, json: Json = False, schema: Schema = False) -> None:
    """List diffing methods and studies, or show the options of one."""
    _list_or_show(context.host.methods, name, json=json, schema=schema)


def investigators(name: Name = None, json: Json = False, schema: Schema = False) -> None:
    """List investigators, or show the options of one."""
    _list_or_show(context.host.investigators, name, json=json, schema=schema)


def graders(name: Name = None, json: Json = False, schema: Schema = False) -> None:
    """List graders, or show the options of one."""
    _list_or_show(context.host.graders, name, json=json, schema=schema)


def generators(name: Name = None, json: Json = False, schema: Schema = False) -> None:
    """List generators, or show the options of one."""
    _list_or_show(context.host.generators, name, json=json, schema=schema)


def _list_or_show(registry: "Registry", name: str | None, *, json: bool, schema: bool) -> None:
    from diffkit.cli.console import print_json

    if name is None:
        context.warn_of_broken_plugins()
        _list(registry, json)
        return
    spec = registry[name]
    config = spec.load_config()
    if schema:
        print_json(config.model_json_schema())
    elif json:
        print_json({**_summary_fields(spec, registry), "options": describe_fields(config)})
    else:
        _show(spec, registry, describe_fields(config))


def _list(registry: "Registry", json: bool) -> None:
    from diffkit.cli.console import print_json, print_table

    entries = [{**_summary_fields(one.spec, registry), "plugin": one.owner} for one in registry]
    if json:
        print_json(entries)
        return
    columns = ["name", "version", "plugin", *_subject_column(registry), "summary"]
    rows = [tuple(entry[column] for column in columns) for entry in entries]
    titles = ["looks at" if column == "subject" else column for column in columns]
    print_table(TITLES.get(registry.kind, f"{registry.kind.capitalize()}s"), titles, rows)


TITLES = {"method": "Methods (which look at a pair) and studies (at one model)"}


def _subject_column(registry: "Registry") -> list[str]:
    """Only what is in the registry of methods looks at a pair or at one model."""
    return ["subject"] if registry.kind == "method" else []


def _summary_fields(spec: "Spec", registry: "Registry") -> dict[str, Any]:
    looks = {"subject": spec.subject} if _subject_column(registry) else {}
    return {"name": spec.name, "version": spec.version, **looks, "summary": spec.summary}


def _show(spec: "Spec", registry: "Registry", options: list[dict[str, Any]]) -> None:
    from diffkit.cli.console import print_lines
    from diffkit.registry.specs import kind_noun

    method = registry.kind == "method"
    kind = f"{kind_noun(spec)} of a {spec.subject}" if method else registry.kind
    print_lines(f"{spec.name} ({kind}, version {spec.version}): {spec.summary}", "")
    if not options:
        print_lines("It has no options.")
        return
    print_fields("Options", options)
    where = f"diffkit run {spec.name} … --set " if method else _in_suites(spec, registry)
    print_lines(f"Set one: {where}{options[0]['name']}=…")


def _in_suites(spec: "Spec", registry: "Registry") -> str:
    if registry.kind == "generator":
        return f"diffkit evaluate … --generator {spec.name} --set generator."
    return f"diffkit evaluate … --set {registry.kind}s.{spec.name}."
