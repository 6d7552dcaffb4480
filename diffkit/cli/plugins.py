"""``diffkit plugins``."""

from typing import Annotated

import typer

from diffkit.cli.state import state

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def plugins(json: Json = False) -> None:
    """List plugins, what each registers, and which are broken."""
    from diffkit.cli.console import out, print_json, print_table

    host = state.host
    if json:
        loaded = [{**vars(plugin), "error": None} for plugin in host.plugins]
        print_json([*loaded, *(vars(plugin) for plugin in host.broken)])
        return
    rows = [(p.name, p.distribution, ", ".join(p.hooks)) for p in host.plugins]
    rows += [(p.name, p.distribution, f"broken: {p.error}") for p in host.broken]
    print_table("Plugins", ("name", "distribution", "registers"), rows)
    out.print("Turn one off: --no-plugin NAME, or DIFFKIT_DISABLE_PLUGINS=NAME,NAME")
