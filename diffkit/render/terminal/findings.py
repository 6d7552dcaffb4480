"""Each type of finding in the terminal."""

from dataclasses import dataclass
from functools import singledispatch
from itertools import zip_longest
from pathlib import Path

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table as Grid
from rich.text import Text

from diffkit.findings import (
    Candidate,
    Figure,
    Note,
    Sample,
    Samples,
    Series,
    Table,
    TokenTable,
    TokenTrace,
)
from diffkit.organism import Record
from diffkit.plain_text import formatting
from diffkit.plain_text.token_heatmap import Position, levels, strongest
from diffkit.render.terminal.layout import grid, heading, rows_left, safe_text
from diffkit.render.terminal.sparkline import sparkline

_WARM = ("", "#fdebd0", "#fbd9a4", "#f8c471", "#f5a742", "#ee8a1d")

_COLD = ("", "#dcebfa", "#bcd9f5", "#96c3ee", "#6dabe4", "#4592d8")


def trace_text(trace: TokenTrace, shown: int, marked: set[int], colour: bool) -> Text:
    """The first ``shown`` tokens, warm where the sides differ.

    Without colour the ``marked`` ones carry their scores instead.
    """
    text = Text()
    for index, (item, level) in enumerate(zip(trace.tokens[:shown], levels(trace), strict=False)):
        ramp = _WARM if level > 0 else _COLD
        style = f"black on {ramp[abs(level)]}" if colour and level else ""
        word = formatting.clean(item.token, keep_lines=True)
        if index in marked and not colour:
            bare = word.rstrip()
            word = f"{bare}⟨{formatting.number(item.score)}⟩{word[len(bare) :]}"
        text.append(word, style=style)
    return text


def position_table(top: tuple[Position, ...]) -> Grid:
    """What each side expected in the places that matter most."""
    columns = ["at", "token", "score", "base expected", "finetuned expected"]
    table = grid(columns, right=(0, 2))
    scores = formatting.aligned(tuple(position.token.score for position in top))
    for position, score in zip(top, scores, strict=True):
        item = position.token
        sides = [Text(_candidates(side)) for side in (item.base, item.finetuned)]
        at = Text(str(position.index), "dim")
        table.add_row(at, Text(formatting.token(item.token)), Text(score), *sides)
    return table


def _candidates(side: tuple[Candidate, ...]) -> str:
    said = (f"{formatting.token(c.token)} {formatting.percent(c.probability)}" for c in side)
    return ",  ".join(said) or formatting.NONE


_TOKENS_PER_ROW = 20  # a trace's tokens are short: as many fill about as much screen as one row

_TOP_POSITIONS = 8  # positions of a trace with both sides' candidates

_CHARACTERS = 600  # of one completion


@dataclass(frozen=True)
class View:
    """How findings are shown."""

    limit: int
    """Rows of one finding at most."""
    colour: bool
    """Whether the reader sees colours."""
    artifacts: Path
    """Folder of the run's artifacts."""


@singledispatch
def finding_renderable(finding: Record, view: View) -> RenderableType:
    """What rich prints for ``finding``."""
    msg = f"No renderer for {type(finding).__name__}"
    raise TypeError(msg)


@finding_renderable.register
def _(finding: TokenTable, view: View) -> RenderableType:
    shown = finding.rows[: view.limit]
    spread = any(row.spread is not None for row in shown)
    table = grid(["#", "token", "score", *(["±"] if spread else [])], right=(0, 2, 3))
    scores = formatting.aligned(tuple(row.score for row in shown))
    spreads = formatting.aligned(tuple(row.spread for row in shown))
    for index, row in enumerate(shown):
        cells = [
            Text(str(index + 1), "dim"),
            Text(formatting.token(row.token)),
            Text(scores[index]),
        ]
        table.add_row(*cells, *([Text(spreads[index])] if spread else []))
    body = [table] if shown else [_empty("tokens")]
    hidden = rows_left(len(finding.rows) - len(shown), "token")
    return Group(heading(finding.title, finding.unit), *body, *hidden)


@finding_renderable.register
def _(finding: TokenTrace, view: View) -> RenderableType:
    shown = view.limit * _TOKENS_PER_ROW
    top = strongest(finding, _TOP_POSITIONS)
    text = trace_text(finding, shown, {position.index for position in top}, view.colour)
    parts: list[RenderableType] = [heading(finding.title, finding.unit)]
    parts += [Padding(text, (1, 2))] if finding.tokens else [_empty("tokens")]
    parts += rows_left(len(finding.tokens) - shown, "token")
    parts += [position_table(top)] if top else []
    return Group(*parts)


@finding_renderable.register
def _(finding: Samples, view: View) -> RenderableType:
    shown = finding.rows[: view.limit]
    parts: list[RenderableType] = [heading(finding.title)]
    parts += [_sample(row, finding) for row in shown] or [_empty("samples")]
    return Group(*parts, *rows_left(len(finding.rows) - len(shown), "sample"))


def _sample(row: Sample, finding: Samples) -> RenderableType:
    prompt = Text.assemble("▸ ", _prose(row.prompt, "bold"), _score(row, finding.unit))
    if row.base == row.finetuned:
        table = grid(["both sides say"])
        table.add_row(_prose(row.base))
    else:
        table = grid(list(finding.sides))
        table.add_row(_prose(row.base), _prose(row.finetuned))
        table.expand = True
        for column in table.columns:
            column.ratio = 1
    return Group(Padding(prompt, (1, 0, 0, 0)), Padding(table, (0, 0, 0, 2)))


def _score(row: Sample, unit: str) -> Text:
    return Text("" if row.score is None else f"  {formatting.number(row.score)} {unit}", "dim")


def _prose(text: str, style: str = "") -> Text:
    return safe_text(formatting.shorten(text, _CHARACTERS), style, keep_lines=True) or Text(
        "(empty)", "dim"
    )


@finding_renderable.register
def _(finding: Series, view: View) -> RenderableType:
    shown = finding.lines[: view.limit]
    table = grid(["line", "points", "first", "last", "least", "most", "course"], right=range(1, 6))
    for line in shown:
        ends = (line.y[0], line.y[-1], min(line.y), max(line.y)) if line.y else (None,) * 4
        cells = [Text(formatting.number(value)) for value in (len(line.y), *ends)]
        table.add_row(safe_text(line.name), *cells, Text(sparkline(line.y)))
    table.columns[-1].no_wrap = True
    body = [table] if shown else [_empty("lines")]
    aside = f"{finding.y_label} over {finding.x_label}"
    return Group(
        heading(finding.title, aside), *body, *rows_left(len(finding.lines) - len(shown), "line")
    )


@finding_renderable.register
def _(finding: Table, view: View) -> RenderableType:
    shown = finding.rows[: view.limit]
    right = [i for i in range(len(finding.columns)) if formatting.is_numeric(shown, i)]
    table = grid(finding.columns, right=right)
    columns = [formatting.column(column) for column in zip_longest(*shown)]
    for row in zip(*columns, strict=True):
        table.add_row(*map(safe_text, row))
    body = [table] if shown else [_empty("rows")]
    return Group(heading(finding.title), *body, *rows_left(len(finding.rows) - len(shown), "row"))


@finding_renderable.register
def _(finding: Note, view: View) -> RenderableType:
    del view
    return Text.assemble(("● ", "cyan"), safe_text(finding.text, keep_lines=True))


@finding_renderable.register
def _(finding: Figure, view: View) -> RenderableType:
    text = Padding(safe_text(finding.text, keep_lines=True), (0, 2))
    file = safe_text(f"  {view.artifacts / finding.artifact}", "dim")
    return Group(heading(finding.title, "figure"), text, file)


def _empty(what: str) -> Text:
    return Text(f"  no {what}", "dim italic")
