"""``diffkit new``: writes the package of a new plugin."""

import re
from pathlib import Path
from string import Template
from typing import Annotated

import typer

from diffkit.cli.options import Program
from diffkit.errors import UserError

app = Program(help="Write the package of a new plugin.", no_args_is_help=True)
_TEMPLATES = Path(__file__).parents[2] / "data" / "templates"
_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


@app.callback()
def _new() -> None:
    """Keeps ``method`` a subcommand: typer would run a single command without its name."""


@app.command("method")
def method(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="Name of the method, such as top-shift.")
    ],
    folder: Annotated[
        Path, typer.Option(metavar="FOLDER", help="The folder to write it into.")
    ] = Path(),
) -> None:
    """Write a package with a method in one file, its test and its entry point."""
    from diffkit.cli.console import info

    place = write_method(name, folder)
    info(f"Wrote {place}. Install it: pip install -e '{place}[dev]'; test it: pytest {place}")


def write_method(name: str, folder: Path) -> Path:
    """Writes the package of a new method and returns its folder.

    Args:
        name: name of the method, in kebab-case.
        folder: the folder that the package's folder ``diffkit-NAME`` is written into.

    Raises:
        UserError: the name is not in kebab-case, or the package's folder exists already.
    """
    if not _NAME.fullmatch(name):
        hint = "Use lower-case letters, digits and dashes, as in top-shift."
        raise UserError(f"{name!r} is no name for a method.", hint=hint)
    place = folder / f"diffkit-{name}"
    if place.exists():
        raise UserError(f"{place} exists already.", hint="Choose another name or --folder.")
    module = name.replace("-", "_")
    words = {"name": name, "module": module, "class": module.title().replace("_", "")}
    templates = _TEMPLATES / "method"
    for template in sorted(templates.rglob("*.tmpl")):
        path = place / template.relative_to(templates).with_suffix("")
        if path.name == "module.py":
            path = path.with_name(f"diffkit_{module}.py")
        path.parent.mkdir(parents=True, exist_ok=True)
        text = Template(template.read_text(encoding="utf-8")).substitute(words)
        path.write_text(text, encoding="utf-8")
    return place
