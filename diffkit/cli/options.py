"""Options that several commands share, and how their values are split."""

from pathlib import Path
from typing import Annotated

import typer

Organism = Annotated[str | None, typer.Option(help="Name of an organism, or its YAML file.")]

Variant = Annotated[str | None, typer.Option(help="Variant of the organism.")]

Base = Annotated[
    str | None, typer.Option(help="Base model: hub id, folder, or name of a listed base.")
]

Finetuned = Annotated[
    str | None, typer.Option(help="LoRA adapter or full model: hub id or folder.")
]

TextsSource = Annotated[
    list[str] | None,
    typer.Option(
        help="Texts to read: a JSONL, parquet or csv file, or "
        "hf:DATASET:CONFIG:SPLIT:COLUMN; NAME=… gives them a category; may be repeated; default: "
        "the base's own."
    ),
]

TextsLimit = Annotated[
    int | None, typer.Option(min=1, help="Read at most so many texts of each source; default: all.")
]

Settings = Annotated[
    list[str] | None, typer.Option("--set", help="key=value of its options; may be repeated.")
]

Config = Annotated[Path | None, typer.Option(help="YAML of its options.")]

Seed = Annotated[int, typer.Option(min=0, help="Seed of the run.")]

Dtype = Annotated[
    str | None, typer.Option(help="float32, bfloat16, float16 or int8; default: as stored.")
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
        callback=_check_device, help="cpu, cuda, cuda:1, …; auto takes a GPU if there is one."
    ),
]

BatchSize = Annotated[
    int, typer.Option(min=1, help="Texts in a batch, for methods without an option of their own.")
]

Fresh = Annotated[bool, typer.Option("--fresh", help="Compute anew what the store holds.")]

Limit = Annotated[int, typer.Option(min=1, help="Rows shown of each finding.")]

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]

Names = list[str] | None
"""Values of a flag that may be repeated, or hold several, comma-separated."""


def split_names(values: Names) -> Names:
    """The names in ``values``; none where there are none."""
    names = [name.strip() for value in values or [] for name in value.split(",")]
    return list(filter(None, names)) or None
