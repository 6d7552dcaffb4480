"""Results of lineups: methods, and their controls."""

import json
from collections.abc import Iterator, Sequence

from markdown_tables import BoardRow, measure, p, table

ARMS = {
    "no-evidence": "nothing",
    "base-only": "what only the base says",
    "evidence-swap": "another organism's findings",
    "random": "a random change's findings",
    "ceiling": "words of the training data",
}
PARTS = {
    "named": "named",
    "named_by_examples": "named by training examples",
    "top1": "top-1",
    "none_of_these": "none of these",
}
TESTED = ("named", "named_by_examples", "top1")
"""Parts with a permutation test."""


def lineups(rows: Sequence[BoardRow]) -> Iterator[str]:
    """Rows of methods with their groups, then rows of controls.

    Args:
        rows: of one stratum.
    """
    methods = [row for row in rows if row["arm"] == "method"]
    methods.sort(key=lambda row: (row["group"] or "~", -row["named"]["hits"]))
    yield f"{methods[0]['top1']['n']} truths. {_chances(methods[0])}\n"
    head = ("method", *_columns(methods), "group")
    yield from table(head, [(f"`{r['method']}`", *_parts(r, methods), r["group"]) for r in methods])
    yield "Controls: the same reader, given something else.\n"
    controls = [row for row in rows if row["arm"] != "method"]
    cells = [
        (_name(row), ARMS[row["arm"]], *_parts(row, methods))
        for row in _without_duplicates(controls)
    ]
    yield from table(("method", "read", *_columns(methods)), cells)


def _chances(row: BoardRow) -> str:
    chances = [f"{PARTS[part]} {row[part]['chance']:.2f}" for part in _present_parts([row])]
    return f"Chance: {', '.join(chances)}."


def _present_parts(rows: Sequence[BoardRow]) -> list[str]:
    return [part for part in PARTS if any(row.get(part) for row in rows)]


def _columns(rows: Sequence[BoardRow]) -> Iterator[str]:
    for part in _present_parts(rows):
        yield from (PARTS[part], "p") if part in TESTED else (PARTS[part],)


def _parts(row: BoardRow, rows: Sequence[BoardRow]) -> Iterator[str]:
    for part in _present_parts(rows):
        yield measure(row.get(part))
        yield from (p(row.get(part)),) if part in TESTED else ()


def _name(row: BoardRow) -> str:
    return f"`{row['method']}`" if row["method"] else "every method"


def _without_duplicates(rows: Sequence[BoardRow]) -> Iterator[BoardRow]:
    """Controls by arm; a control with the same numbers for every method has one line."""
    for arm in ARMS:
        kind = [row for row in rows if row["arm"] == arm]
        same = len(kind) > 1 and len({_numbers(row) for row in kind}) == 1
        yield from [{**kind[0], "method": ""}] if same else kind


def _numbers(row: BoardRow) -> str:
    return json.dumps([row.get(part) for part in PARTS])
