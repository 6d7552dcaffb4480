"""The page of the options of every method, investigator, grader and generator that ships."""

from typing import Any

from diffkit.cli.option_table import describe_fields
from diffkit.options.type_words import limit_words, value_words
from diffkit.registry.plugin_host import load_plugins


def option_page() -> str:
    """A table of options for each."""
    parts = [
        "# Options\n",
        "Generated from the options' own descriptions by `python tools/docs/check.py --write`.",
        "On the command line an option is set by `--set NAME=VALUE`, or in a YAML by `--config`.\n",
    ]
    host = load_plugins()
    ours = {plugin.name for plugin in host.plugins if plugin.distribution == "diffkit"}
    for registry in host.registries:
        parts.append(f"## Options of {registry.kind}s\n")
        for entry in (entry for entry in registry if entry.owner in ours):
            parts.append(f"### `{entry.spec.name}`\n\n{entry.spec.summary}\n")
            parts.append(_table(entry.spec.load_config()))
    return "\n".join(parts)


def _table(record: Any) -> str:
    rows = ["| option | type | default | meaning |", "|---|---|---|---|"]
    for field in describe_fields(record):
        kind = ", ".join(filter(None, (field["type"], limit_words(field["bounds"]))))
        default = "required" if field["required"] else f"`{value_words(field['default'])}`"
        rows.append(f"| `{field['name']}` | {kind} | {default} | {field['help']} |")
    return "\n".join(rows) + "\n"
