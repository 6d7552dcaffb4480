"""``diffkit plugins``."""

from typing import TYPE_CHECKING, Annotated

import typer

from diffkit.cli.state import state

if TYPE_CHECKING:
    from diffkit.plugins import Plugin

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def plugins(json: Json = False) -> None:
    """List plugins, what each registers, and which are broken."""
    from diffkit.cli.console import out, print_json, print_table

    host = state.host
    if json:
        loaded = [{**vars(p), "registers": _registers(p), "error": None} for p in host.plugins]
        print_json([*loaded, *(vars(plugin) for plugin in host.broken)])
        return
    rows = [(p.name, p.distribution, _words(p)) for p in host.plugins]
    rows += [(p.name, p.distribution, f"broken: {p.error}") for p in host.broken]
    print_table("Plugins", ("name", "distribution", "registers"), rows)
    out.print("Turn one off: --no-plugin NAME, or DIFFKIT_DISABLE_PLUGINS=NAME,NAME")


def _registers(plugin: "Plugin") -> dict[str, list[str]]:
    """Names by kind."""
    found: dict[str, list[str]] = {}
    for registry in state.host.registries:
        for spec in (entry.spec for entry in registry if entry.owner == plugin.name):
            kind = "studies" if spec.subject == "model" else f"{registry.kind}s"
            found.setdefault(kind, []).append(spec.name)
    return found


def _words(plugin: "Plugin") -> str:
    named = [f"{kind}: {', '.join(names)}" for kind, names in _registers(plugin).items()]
    folders = ["organisms"] if "register_organisms" in plugin.hooks else []
    return "; ".join([*named, *folders])
