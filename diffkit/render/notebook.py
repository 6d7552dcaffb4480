"""Records as notebooks show them: pages of the report, each in a frame of its own.

A frame is a document without scripts, network or access to the notebook, so text of models cannot
reach it; and the styles of the report do not reach the notebook.
"""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import singledispatch
from pathlib import Path
from typing import Any

from markupsafe import Markup

from diffkit.evaluation.leaderboard.schema import Leaderboard
from diffkit.findings import (
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
from diffkit.plain_text import formatting
from diffkit.records.alignment import AlignedFinding, AlignedRuns
from diffkit.records.listing import Listing, SearchResults
from diffkit.render import frames
from diffkit.render.html.environment import environment
from diffkit.render.html.pages import leaderboard_page
from diffkit.runs.manifest import Manifest, StoredRun

SHOWN = 100
"""Rows of a finding that a notebook shows; `to_pandas` has all."""
LISTED = 20
"""Rows of a listing."""
HEIGHT = 480
"""Greatest height of a frame in pixels; it can be dragged."""
_FRAME = Markup(
    '<iframe sandbox srcdoc="{}" style="width:100%;height:{}px;border:0;resize:vertical;'
    'overflow:auto" title="{}"></iframe>'
)


@singledispatch
def html(value: Any) -> str:
    """A record as HTML, everything in it escaped."""
    msg = f"{type(value).__name__} has no page"
    raise TypeError(msg)


def _frame(title: str, template: str, height: int = HEIGHT, **values: Any) -> str:
    page = environment().get_template(template).render(title=title, **values)
    return _framed(title, page, height)


def _framed(title: str, page: str, height: int = HEIGHT) -> str:
    return str(_FRAME.format(page, min(HEIGHT, height), formatting.clean(title)))


@dataclass(frozen=True)
class _ShownRun:
    """A run as the templates read it, of long findings the first rows."""

    findings: Findings
    manifest: Manifest | None = None
    artifacts: Path = Path(os.devnull)
    artifact_files: tuple[Path, ...] = ()


@html.register
def _(value: StoredRun) -> str:
    shown = _ShownRun(
        _shortened(value.findings), value.manifest, value.artifacts, value.artifact_files
    )
    title = f"{value.manifest.identity.method}: {value.manifest.labels.pair}"
    page = environment().get_template("run.html.j2")
    return _framed(title, page.render(run=shown, summary=""))  # which nulls there are is not known


@html.register
def _(value: Findings) -> str:
    return _frame("Findings", "notebook_findings.html.j2", run=_ShownRun(_shortened(value)))


@html.register(TokenTable)
@html.register(TokenTrace)
@html.register(Samples)
@html.register(Series)
@html.register(Table)
@html.register(Note)
@html.register(Figure)
def _(value: Finding) -> str:
    return html(Findings(items=(value,)))


@html.register
def _(value: Leaderboard) -> str:
    return _framed(value.suite, leaderboard_page(value, ()))


@html.register
def _(value: Listing) -> str:  # type: ignore[type-arg]
    shown = [row for one in value.page(0, LISTED) for row in frames.rows(one)]
    more = len(value) - LISTED
    remarks = [f"{more:,} more: .page(start, count), or .to_pandas()"] if more > 0 else []
    return _table_frame(f"{value.title}: {len(value):,}", shown, [*remarks, *value.problems])


@html.register
def _(value: SearchResults) -> str:
    shown = [
        {
            "record": f"{one.kind} {one.digest[:12]}",
            "method": one.method,
            "models": one.label,
            "where": one.place,
            "passage": one.excerpt,
        }
        for one in value.hits
    ]
    remarks = ["There is more: search(…, start=…)"] if value.more else []
    return _table_frame(f"{value.asked!r}: {len(value)} passages", shown, remarks)


@html.register
def _(value: AlignedFinding) -> str:
    return _table_frame(value.title or value.kind, list(frames.rows(value)))


@html.register
def _(value: AlignedRuns) -> str:
    sides = [
        f"{one.manifest.identity.method}: {one.manifest.labels.pair}"
        for one in (value.left, value.right)
    ]
    tables = [
        _table("Numbers", list(frames.rows(value))),
        _table(
            "What the runs differ in",
            [
                {"": name, "left": formatting.option(left), "right": formatting.option(right)}
                for name, (left, right) in value.differences.items()
            ],
        ),
        *(_table(one.title or one.kind, list(frames.rows(one))) for one in value.findings),
    ]
    return _frame(" · ".join(sides), "notebook_tables.html.j2", tables=tables, remarks=())


def _table_frame(title: str, rows: Sequence[frames.Values], remarks: Iterable[str] = ()) -> str:
    tables, height = [_table("", rows)], 160 + 34 * min(len(rows), SHOWN)
    notes = tuple(remarks)
    return _frame(title, "notebook_tables.html.j2", height, tables=tables, remarks=notes)


@dataclass(frozen=True)
class _Shown:
    """A table, and how many rows of it are left out."""

    item: Table
    hidden: int


def _table(title: str, rows: Sequence[frames.Values]) -> _Shown:
    columns = tuple(dict.fromkeys(name for row in rows for name in row))
    cells = tuple(tuple(_cell(row.get(name)) for name in columns) for row in rows[:SHOWN])
    item = Table(title=title, columns=columns, rows=cells)
    return _Shown(item, max(0, len(rows) - SHOWN))


def _cell(value: Any) -> str | int | float | None:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value if value is None or isinstance(value, int | float) else str(value)


def _shortened(findings: Findings) -> Findings:
    """The first rows of long findings, and a note that says so."""
    items: list[Finding] = []
    for number, item in enumerate(findings.items):
        items.append(_first_rows(item))
        if isinstance(item, TokenTable | Samples | Table) and len(item.rows) > SHOWN:
            more = f"{len(item.rows) - SHOWN:,} more rows: findings.items[{number}].to_pandas()"
            items.append(Note(text=more))
    return findings.model_copy(update={"items": tuple(items)})


def _first_rows(item: Finding) -> Finding:
    if isinstance(item, TokenTable | Samples | Table):
        return item.model_copy(update={"rows": item.rows[:SHOWN]})
    return item
