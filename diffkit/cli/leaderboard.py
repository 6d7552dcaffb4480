"""``diffkit leaderboard``."""

import csv
import sys
from typing import TYPE_CHECKING, Annotated

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
    """One line a row; shares are spread over columns."""
    lines = []
    for row in board.rows:
        line: dict[str, object] = {}
        for key, value in row.model_dump().items():
            if isinstance(value, dict):
                line |= {f"{key}_{part}": item for part, item in value.items()}
            else:
                line[key] = value
        lines.append(line)
    writer = csv.DictWriter(sys.stdout, fieldnames=list(lines[0]) if lines else [])
    writer.writeheader()
    writer.writerows(lines)
