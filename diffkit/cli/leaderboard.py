"""``diffkit leaderboard``."""

import csv
import sys
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from diffkit.cli.plugins import Json
from diffkit.cli.state import state

if TYPE_CHECKING:
    from diffkit.evaluation.leaderboard import Leaderboard

Name = Annotated[str | None, typer.Option(help="Name of an evaluation; default: the latest.")]


def leaderboard(
    name: Name = None,
    json: Json = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
) -> None:
    """Show the leaderboard of an evaluation."""
    from diffkit.cli.console import out, print_json
    from diffkit.evaluation.board import build
    from diffkit.evaluation.record import read_evaluation
    from diffkit.render.text import render_leaderboard

    board = build(read_evaluation(state.store, name), state.store)
    if json:
        print_json(board.model_dump(mode="json"))
    elif as_csv:
        _csv(board)
    else:
        render_leaderboard(board, out)


def _csv(board: "Leaderboard") -> None:
    """One line a row, controls and strata too; shares are spread over columns."""
    lines = [dict(_flat(row.model_dump())) for row in board.rows]
    names = dict.fromkeys(name for line in lines for name in line)
    writer = csv.DictWriter(sys.stdout, fieldnames=list(names), restval="")
    writer.writeheader()
    writer.writerows(lines)


def _flat(record: Mapping[Any, object], start: str = "") -> Iterator[tuple[str, object]]:
    """Fields of fields by their joined names; what is not there has no column of its own."""
    for key, value in record.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{start}{key}_")
        elif isinstance(value, tuple):
            yield f"{start}{key}", ", ".join(map(str, value))
        elif value is not None:
            yield f"{start}{key}", value
