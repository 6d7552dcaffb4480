"""Options that several commands share, how their values are split, and help in plain words."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from typer.core import TyperCommand

F = TypeVar("F", bound=Callable[..., Any])


class PlainCommand(TyperCommand):
    """A command whose help names a value by one word: ``METHOD``, not ``{method} <str>``."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """The words of the usage line, without typer's braces."""
        return [re.sub("[{}]", "", piece) for piece in super().collect_usage_pieces(ctx)]

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Writes the arguments and the options, without Python's types."""
        for kind in ("argument", "option"):
            records = [
                record
                for parameter in self.get_params(ctx)
                if parameter.param_type_name == kind and (record := parameter.get_help_record(ctx))
            ]
            if records:
                with formatter.section(f"{kind.capitalize()}s"):
                    plain = [(re.sub(r" <[^>]*>", "", name), text) for name, text in records]
                    formatter.write_dl(plain)


class Program(typer.Typer):
    """A group of commands with plain help."""

    def command(self, name: str | None = None, **settings: Any) -> Callable[[F], F]:
        """Registers a command, as typer's own does."""
        return super().command(name, **{"cls": PlainCommand, **settings})


Organism = Annotated[
    str | None, typer.Option(metavar="NAME", help="Name of an organism, or its YAML file.")
]

Variant = Annotated[str | None, typer.Option(metavar="NAME", help="Variant of the organism.")]

Base = Annotated[
    str | None,
    typer.Option(
        metavar="MODEL",
        help="Base model: hub id, folder, name of a listed base, or its YAML file.",
    ),
]

Finetuned = Annotated[
    str | None, typer.Option(metavar="MODEL", help="LoRA adapter or full model: hub id or folder.")
]

TextsSource = Annotated[
    list[str] | None,
    typer.Option(
        metavar="TEXTS",
        help="Texts to read: a JSONL, parquet or csv file, or "
        "hf:DATASET:CONFIG:SPLIT:COLUMN; NAME=… gives them a category; may be repeated; default: "
        "the base's own.",
    ),
]

TextsLimit = Annotated[
    int | None,
    typer.Option(
        min=1,
        metavar="NUMBER",
        help="Read at most so many texts of each source; default: all.",
    ),
]

Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="OPTION=VALUE", help="One of its options; may be repeated."),
]

Config = Annotated[Path | None, typer.Option(metavar="FILE", help="YAML of its options.")]

Preset = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="A set of other defaults that the method has: small, for large models on a CPU. "
        "Options that are given override it.",
    ),
]

Seed = Annotated[int, typer.Option(min=0, metavar="NUMBER", help="Seed of the run.")]

Dtype = Annotated[
    str | None,
    typer.Option(metavar="FORMAT", help="float32, bfloat16, float16 or int8; default: as stored."),
]


def _check_device(device: str) -> str:
    """Refuses a device that this machine lacks, even where the store holds the result."""
    if device not in ("auto", "cpu"):
        from diffkit.engine.loading.full_model import resolve_device

        resolve_device(device)
    return device


Device = Annotated[
    str,
    typer.Option(
        callback=_check_device,
        metavar="DEVICE",
        help="cpu, cuda, cuda:1, …; auto takes a GPU if there is one.",
    ),
]

BatchSize = Annotated[
    int,
    typer.Option(
        min=1,
        metavar="NUMBER",
        help="Texts in a batch, for methods without an option of their own.",
    ),
]

Fresh = Annotated[bool, typer.Option("--fresh", help="Compute anew what the store holds.")]

Limit = Annotated[int, typer.Option(min=1, metavar="NUMBER", help="Rows shown of each finding.")]

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]

Names = list[str] | None
"""Values of a flag that may be repeated, or hold several, comma-separated."""


def split_names(values: Names) -> Names:
    """The names in ``values``; none where there are none."""
    names = [name.strip() for value in values or [] for name in value.split(",")]
    return list(filter(None, names)) or None
