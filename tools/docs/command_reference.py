"""The page of every command's help."""

from collections.abc import Iterator
from typing import Any

from typer.main import get_command
from typer.testing import CliRunner

from diffkit.cli.app import app

_WIDTH = {"COLUMNS": "90", "TERMINAL_WIDTH": "90"}


def commands() -> Iterator[tuple[str, ...]]:
    """Every command, with the words that call it; groups are left out."""
    yield from _within(get_command(app), ())


def _within(command: Any, words: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    inner = getattr(command, "commands", None)
    if inner is None:
        yield words
        return
    for name, one in inner.items():
        yield from _within(one, (*words, name))


def command_page() -> str:
    """The help of the program and of each of its commands."""
    parts = [
        "# Command line\n",
        "Generated from the program's own help by `python tools/docs/check.py --write`.\n",
    ]
    for words in ((), *commands()):
        name = " ".join(("diffkit", *words))
        parts.append(f"## `{name}`\n\n```text\n{_help(words)}\n```\n")
    return "\n".join(parts)


def _help(words: tuple[str, ...]) -> str:
    shown = CliRunner().invoke(app, [*words, "--help"], prog_name="diffkit", env=_WIDTH)
    return "\n".join(line.rstrip() for line in shown.stdout.strip().splitlines())
