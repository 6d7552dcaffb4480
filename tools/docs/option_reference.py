"""The page of the options of every method, investigator, grader and generator that ships."""

from collections.abc import Mapping
from typing import Any

from diffkit.registry.plugin_host import load_plugins

_BOUNDS = (("minimum", "≥"), ("exclusiveMinimum", ">"), ("maximum", "≤"))


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
            parts.append(_table(entry.spec.load_config().model_json_schema()))
    return "\n".join(parts)


def _table(schema: Mapping[str, Any]) -> str:
    rows = ["| option | default | bounds | meaning |", "|---|---|---|---|"]
    for name, field in schema["properties"].items():
        parts = [field, *field.get("anyOf", [])]
        bounds = [f"{sign} {part[key]}" for part in parts for key, sign in _BOUNDS if key in part]
        meaning = " ".join(field.get("description", "").split()).replace("``", "`")
        rows.append(f"| `{name}` | `{field.get('default')}` | {', '.join(bounds)} | {meaning} |")
    return "\n".join(rows) + "\n"
