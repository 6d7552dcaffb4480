"""Markdown tables, and cells for the numbers of a leaderboard."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

BoardRow = dict[str, Any]


def value(part: BoardRow | None) -> float:
    """Hits / n; 0 if there are none."""
    return part["hits"] / part["n"] if part and part["n"] else 0.0


def share(part: BoardRow | None) -> str:
    """``3/22 [0.05, 0.33]``."""
    if not part or not part["n"]:
        return "–"
    return f"{part['hits']:g}/{part['n']}{_interval(part)}"


def measure(part: BoardRow | None) -> str:
    """``0.54 [0.34, 0.72]``; the text above the table has n and the chance level."""
    return f"{value(part):.2f}{_interval(part)}" if part and part["n"] else "–"


def p(part: BoardRow | None) -> str:
    return "–" if not part or part["p"] is None else f"{part['p']:.4f}"


def _interval(part: BoardRow) -> str:
    return f" [{part['low']:.2f}, {part['high']:.2f}]" if part["low"] is not None else ""


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"
    yield ""
