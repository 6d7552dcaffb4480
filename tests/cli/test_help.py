"""Help and tables of options hold plain words, no types of Python's."""

import re
from importlib import import_module
from pathlib import Path

import diffkit_plugins
import pytest
from typer.main import get_command

from diffkit.cli.app import app
from diffkit.cli.option_table import describe_fields
from diffkit.options.type_words import type_words
from diffkit.registry.plugin_host import load_plugins

PYTHON = re.compile(
    r"<\w|\{|FieldInfo|Annotated|typing\.|NoneType|Optional\b|Union\b|\bstr\b|\bint\b|\bfloat\b|"
    r"\b(list|tuple|dict|set|Mapping|Sequence|Literal)\["
)
"""What help and tables do not hold."""
WORDS = re.compile(r"[^\[\]{}<|]+")
"""A type in words, without brackets and bars."""


def commands(command=None, words=()):
    """Every command and group, with the words that call it."""
    command = command or get_command(app)
    yield words
    for name, one in getattr(command, "commands", {}).items():
        yield from commands(one, (*words, name))


@pytest.mark.parametrize("words", list(commands()), ids=" ".join)
def test_the_help_of_a_command_holds_no_type_of_python(words, cli):
    said = cli(*words, "--help")
    assert said.code == 0
    assert "Usage: diffkit" in said.out
    assert not PYTHON.search(said.out), PYTHON.search(said.out)


def test_help_names_every_value_by_one_word(cli):
    said = cli("run", "--help").out
    assert "Usage: diffkit run [OPTIONS] METHOD\n" in said
    assert re.search(r"^  METHOD  +Name of a diffing method", said, re.MULTILINE)
    assert re.search(r"^  --seed NUMBER  +Seed of the run", said, re.MULTILINE)
    assert "Usage: diffkit runs rm [OPTIONS] DIGESTS...\n" in cli("runs", "rm", "--help").out
    assert "Usage: diffkit evaluate [OPTIONS] [SUITE]\n" in cli("evaluate", "--help").out
    assert cli("run").error == "error: Missing argument 'METHOD'. See `diffkit run --help`."


REGISTERED = [(one.kind, entry.spec) for one in load_plugins().registries for entry in one]


@pytest.mark.parametrize(("kind", "spec"), REGISTERED, ids=lambda one: getattr(one, "name", one))
def test_the_options_have_types_in_words(kind, spec, cli):
    for field in describe_fields(spec.load_config()):
        assert WORDS.fullmatch(field["type"]), field
        assert not PYTHON.search(field["type"]), field
    said = cli(f"{kind}s", spec.name).out
    shown = said.partition("Options")[2]
    types = [cell.split("│")[2] for cell in shown.splitlines() if cell.startswith("│")]
    assert not PYTHON.search(" ".join(types))


def tools():
    """Every tool of the shipped methods."""
    for path in sorted(Path(diffkit_plugins.__file__).parent.glob("*/tools.py")):
        module = import_module(f"diffkit_plugins.{path.parent.name}.tools")
        yield from (one for one in vars(module).values() if hasattr(one, "Arguments"))


def test_the_arguments_of_every_tool_have_types_in_words(cli):
    shipped = [describe_fields(tool.Arguments) for tool in tools()]
    assert len(shipped) >= 3
    said = cli("ask", "echo", "--organism", "birds", "--json").json()
    fields = [
        field for tool in (*shipped, *(one["arguments"] for one in said["tools"])) for field in tool
    ]
    assert fields
    assert [one["type"] for one in fields if not WORDS.fullmatch(one["type"])] == []
    assert not PYTHON.search(" ".join(one["type"] for one in fields))


def test_a_type_of_python_would_be_found():
    for shown in ("<list[str]>", "{method}", "tuple[Annotated[float, FieldInfo(", "str | None"):
        assert PYTHON.search(shown) or not WORDS.fullmatch(shown)
    assert type_words(list[str]) == "list of texts"
