"""Two runs side by side: the rows of the same findings, and what the runs differ in."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TypeVar

from diffkit.findings import (
    Cell,
    Figure,
    Finding,
    Findings,
    Note,
    Samples,
    Series,
    Table,
    TokenTable,
    TokenTrace,
)
from diffkit.plain_text.display import Displayed
from diffkit.runs.manifest import StoredRun

T = TypeVar("T")
_Key = tuple[str, ...]
_Pair = tuple[_Key, tuple[Cell, ...]]
_Rows = dict[_Key, tuple[Cell, ...]]


@dataclass(frozen=True)
class AlignedRow:
    """A row that one of the runs has, or both."""

    key: tuple[str, ...]
    """By what the rows belong together: a token, a prompt, a table's words."""
    left: tuple[Cell, ...] | None
    """Values of the first run; none if it has no such row."""
    right: tuple[Cell, ...] | None
    """Values of the second run."""


@dataclass(frozen=True)
class AlignedFinding(Displayed):
    """A finding that one of the runs has, or both."""

    kind: str
    title: str
    keys: tuple[str, ...]
    """Names of the columns of `AlignedRow.key`."""
    columns: tuple[str, ...]
    """Names of the columns of values, with units."""
    rows: tuple[AlignedRow, ...]
    """In the order of the first run; rows of the second run alone are last."""
    found: tuple[bool, bool]
    """Whether the first run has the finding, and whether the second has."""


@dataclass(frozen=True)
class AlignedRuns(Displayed):
    """Two runs with the rows of the same findings side by side."""

    left: StoredRun
    """The first run, with which the second is compared."""
    right: StoredRun
    differences: dict[str, tuple[object, object]]
    """What the runs differ in, apart from their findings: options, models, texts, seed."""
    scores: dict[str, tuple[float | None, float | None]]
    """The change scores, and the metrics by name."""
    findings: tuple[AlignedFinding, ...]


def align_runs(left: StoredRun, right: StoredRun) -> AlignedRuns:
    """Aligns two runs, of one method with other options, models or texts, or of two methods.

    Findings belong together if kind and title are the same; rows, if token, prompt or words are. Of
    several the first of both are one row, then the second.

    Args:
        left: the run to compare with.
        right: the other run.

    Raises:
        StoreError: the findings of one are damaged.
    """
    first, second = left.findings, right.findings
    named = [{"change score": one.change_score, **one.metrics} for one in (first, second)]
    scores = {name: (named[0].get(name), named[1].get(name)) for name in {**named[0], **named[1]}}
    return AlignedRuns(left, right, _differences(left, right), scores, _findings(first, second))


def _differences(left: StoredRun, right: StoredRun) -> dict[str, tuple[object, object]]:
    facts = [_facts(one) for one in (left, right)]
    both = {name: (facts[0].get(name), facts[1].get(name)) for name in {**facts[0], **facts[1]}}
    return {name: pair for name, pair in both.items() if pair[0] != pair[1]}


def _facts(run: StoredRun) -> dict[str, object]:
    same = run.manifest.identity.model_dump(mode="json", exclude={"options"})
    return {"models": run.manifest.labels.pair, **same, **run.manifest.identity.options}


def _findings(left: Findings, right: Findings) -> tuple[AlignedFinding, ...]:
    first, second = (_numbered(side.items, _finding_key) for side in (left, right))
    return tuple(_aligned(first.get(key), second.get(key)) for key in {**first, **second})


def _finding_key(item: Finding) -> _Key:
    return item.kind, "" if isinstance(item, Note) else item.title


def _aligned(left: Finding | None, right: Finding | None) -> AlignedFinding:
    item = left or right
    assert item is not None  # noqa: S101 - one of them has the key
    keys, columns = _columns(item, right)
    sides = [_rows(one, columns) if one else {} for one in (left, right)]
    rows = tuple(
        AlignedRow(key[:-1], sides[0].get(key), sides[1].get(key))
        for key in dict.fromkeys(chain(*sides))
    )
    title = "" if isinstance(item, Note) else item.title
    found = (left is not None, right is not None)
    return AlignedFinding(item.kind, title, keys, columns, rows, found)


def _columns(item: Finding, other: Finding | None) -> tuple[_Key, _Key]:
    """Names of the columns of keys, and of values."""
    keys, values = ("text",), ()  # type: tuple[_Key, _Key]
    match item:
        case TokenTable():
            keys, values = ("token",), (item.unit, "spread")
        case TokenTrace():
            keys, values = ("position", "token"), (item.unit,)
        case Samples():
            keys, values = ("prompt",), (*item.sides, *((item.unit,) if item.unit else ()))
        case Series():
            keys, values = ("line", item.x_label), (item.y_label,)
        case Table():
            keys = _word_columns(item, other)
            values = tuple(name for name in item.columns if name not in keys)
        case Figure():
            keys, values = ("picture",), ("description",)
        case Note():
            pass
    return keys, values


def _word_columns(item: Table, other: Finding | None) -> _Key:
    """Columns in which a cell is text, in one of the tables."""
    tables = [item, *([other] if isinstance(other, Table) and other is not item else [])]
    return tuple(
        name
        for number, name in enumerate(item.columns)
        if any(
            isinstance(cell, str)
            for one in tables
            for row in one.rows
            for cell in row[number : number + 1]
        )
    )


def _rows(item: Finding, columns: _Key) -> _Rows:
    pairs = _numbered(_pairs(item, columns), lambda pair: pair[0])
    return {key: values for key, (_, values) in pairs.items()}


def _pairs(item: Finding, columns: _Key) -> Iterator[_Pair]:
    match item:
        case TokenTable():
            yield from (((row.token,), (row.score, row.spread)) for row in item.rows)
        case TokenTrace():
            yield from (((str(n), one.token), (one.score,)) for n, one in enumerate(item.tokens))
        case Samples():
            values = [(row.base, row.finetuned, row.score)[: len(columns)] for row in item.rows]
            yield from (((row.prompt,), own) for row, own in zip(item.rows, values, strict=True))
        case Series():
            for line in item.lines:
                points = zip(line.x, line.y, strict=False)
                yield from (((line.name, f"{x:g}"), (y,)) for x, y in points)
        case Table():
            yield from (_split(item, row, columns) for row in item.rows)
        case Note():
            yield (item.text,), ()
        case Figure():
            yield (item.artifact,), (item.text,)


def _split(table: Table, row: Sequence[Cell], columns: _Key) -> _Pair:
    cells = dict(zip(table.columns, row, strict=False))
    key = tuple(str(cell) for name, cell in cells.items() if name not in columns)
    return key, tuple(cells.get(name) for name in columns)


def _numbered(items: Iterable[T], key: Callable[[T], _Key]) -> dict[_Key, T]:
    """Items by key and by how many have the same key before them."""
    seen: Counter[_Key] = Counter()
    found = {}
    for item in items:
        own = key(item)
        found[*own, str(seen[own])] = item
        seen[own] += 1
    return found
