"""``diffkit leaderboard`` and ``diffkit power``."""

import csv
import sys
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from diffkit.cli.app_context import context
from diffkit.cli.options import Json

if TYPE_CHECKING:
    from diffkit.evaluation.leaderboard.schema import Leaderboard

EvaluationName = Annotated[
    str | None, typer.Option(metavar="NAME", help="Name of an evaluation; default: the latest.")
]


_FORMULAS = ("=", "+", "-", "@", "＝", "＋", "－", "＠")
"""How a cell begins that a spreadsheet computes."""


def leaderboard(
    name: EvaluationName = None,
    json: Json = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
) -> None:
    """Show the leaderboard of an evaluation."""
    from diffkit.cli.console import out, print_json
    from diffkit.evaluation.leaderboard.build import build_leaderboard
    from diffkit.evaluation.record import read_evaluation
    from diffkit.render.terminal.reports import render_leaderboard

    board = build_leaderboard(read_evaluation(context.store, name), context.store)
    if json:
        print_json(board.model_dump(mode="json"))
    elif as_csv:
        _print_csv(board)
    else:
        render_leaderboard(board, out)


def _print_csv(board: "Leaderboard") -> None:
    """One line a row, controls and strata too; shares are spread over columns."""
    lines = [dict(_flatten(row.model_dump())) for row in board.rows]
    names = dict.fromkeys(name for line in lines for name in line)
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(map(_csv_cell, names))
    writer.writerows([_csv_cell(line.get(name, "")) for name in names] for line in lines)


def _csv_cell(value: object) -> object:
    """A number as it is; text without control characters, and never a formula of a spreadsheet."""
    from diffkit.plain_text.formatting import clean

    if not isinstance(value, str):
        return value
    text = clean(value)
    return f"'{text}" if text.lstrip().startswith(_FORMULAS) else text


def _flatten(record: Mapping[Any, object], start: str = "") -> Iterator[tuple[str, object]]:
    """Fields of fields by their joined names; what is not there has no column of its own."""
    for key, value in record.items():
        if isinstance(value, Mapping):
            yield from _flatten(value, f"{start}{key}_")
        elif isinstance(value, tuple):
            yield f"{start}{key}", ", ".join(map(str, value))
        elif value is not None:
            yield f"{start}{key}", value


TRUTH_COUNTS = (10, 20, 40, 80, 160)
"""Numbers of truths whose power is shown."""


def power(
    one: Annotated[
        float, typer.Argument(min=0, max=1, metavar="ONE", help="Share that one method names.")
    ],
    other: Annotated[
        float, typer.Argument(min=0, max=1, metavar="OTHER", help="Share that the other names.")
    ],
    wanted: Annotated[
        float, typer.Option("--power", min=0.01, max=0.99, metavar="SHARE", help="Power.")
    ] = 0.8,
    alpha: Annotated[
        float, typer.Option(min=0.001, max=0.5, metavar="SHARE", help="Level of the test.")
    ] = 0.05,
    json: Json = False,
) -> None:
    """Say how many truths tell two methods apart that name the shares ONE and OTHER of them."""
    from diffkit.cli.console import info, print_json, print_table
    from diffkit.statistics import mcnemar_power, truths_needed
    from diffkit.statistics.power import MAX_TRUTHS

    needed = truths_needed(one, other, power=wanted, alpha=alpha)
    at = {truths: mcnemar_power(one, other, truths, alpha=alpha) for truths in TRUTH_COUNTS}
    if json:
        print_json({"truths": needed, "power": at})
        return
    rows = [(str(truths), f"{chance:.2f}") for truths, chance in at.items()]
    print_table("diffkit power", ("truths", "power"), rows)
    enough = f"{needed} truths are enough" if needed else f"{MAX_TRUTHS:,} truths are not enough"
    info(f"{enough} to tell {one:g} from {other:g} with a power of {wanted:g} by McNemar's exact")
    info(f"test at {alpha:g}, if it is chance whether both name the same ones.")
