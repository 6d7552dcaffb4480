"""One rich renderable for each type of finding."""

from dataclasses import dataclass
from functools import singledispatch
from itertools import zip_longest
from pathlib import Path

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from diffkit.findings import (
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
from diffkit.render import words
from diffkit.render.heat import strongest
from diffkit.render.sparkline import sparkline
from diffkit.render.text_parts import grid, heading, more, plain
from diffkit.render.text_trace import positions, traced

_TOKENS_PER_ROW = 20  # a trace's tokens are short: as many fill about as much screen as one row
_TOP = 8  # positions of a trace with both sides' candidates
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
def renderable(finding: Record, view: View) -> RenderableType:
    """What rich prints for ``finding``."""
    msg = f"No renderer for {type(finding).__name__}"
    raise TypeError(msg)


@renderable.register
def _(finding: TokenTable, view: View) -> RenderableType:
    shown = finding.rows[: view.limit]
    spread = any(row.spread is not None for row in shown)
    table = grid(["#", "token", "score", *(["±"] if spread else [])], right=(0, 2, 3))
    scores = words.aligned(tuple(row.score for row in shown))
    spreads = words.aligned(tuple(row.spread for row in shown))
    for index, row in enumerate(shown):
        cells = [Text(str(index + 1), "dim"), Text(words.token(row.token)), Text(scores[index])]
        table.add_row(*cells, *([Text(spreads[index])] if spread else []))
    body = [table] if shown else [_empty("tokens")]
    hidden = more(len(finding.rows) - len(shown), "token")
    return Group(heading(finding.title, finding.unit), *body, *hidden)


@renderable.register
def _(finding: TokenTrace, view: View) -> RenderableType:
    shown = view.limit * _TOKENS_PER_ROW
    top = strongest(finding, _TOP)
    text = traced(finding, shown, {position.index for position in top}, view.colour)
    parts: list[RenderableType] = [heading(finding.title, finding.unit)]
    parts += [Padding(text, (1, 2))] if finding.tokens else [_empty("tokens")]
    parts += more(len(finding.tokens) - shown, "token")
    parts += [positions(top)] if top else []
    return Group(*parts)


@renderable.register
def _(finding: Samples, view: View) -> RenderableType:
    shown = finding.rows[: view.limit]
    parts: list[RenderableType] = [heading(finding.title)]
    parts += [_sample(row, finding) for row in shown] or [_empty("samples")]
    return Group(*parts, *more(len(finding.rows) - len(shown), "sample"))


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
    return Text("" if row.score is None else f"  {words.number(row.score)} {unit}", "dim")


def _prose(text: str, style: str = "") -> Text:
    return plain(words.shorten(text, _CHARACTERS), style, keep_lines=True) or Text("(empty)", "dim")


@renderable.register
def _(finding: Series, view: View) -> RenderableType:
    shown = finding.lines[: view.limit]
    table = grid(["line", "points", "first", "last", "least", "most", "course"], right=range(1, 6))
    for line in shown:
        ends = (line.y[0], line.y[-1], min(line.y), max(line.y)) if line.y else (None,) * 4
        cells = [Text(words.number(value)) for value in (len(line.y), *ends)]
        table.add_row(plain(line.name), *cells, Text(sparkline(line.y)))
    table.columns[-1].no_wrap = True
    body = [table] if shown else [_empty("lines")]
    aside = f"{finding.y_label} over {finding.x_label}"
    return Group(
        heading(finding.title, aside), *body, *more(len(finding.lines) - len(shown), "line")
    )


@renderable.register
def _(finding: Table, view: View) -> RenderableType:
    shown = finding.rows[: view.limit]
    right = [i for i in range(len(finding.columns)) if words.is_numeric(shown, i)]
    table = grid(finding.columns, right=right)
    columns = [words.column(column) for column in zip_longest(*shown)]
    for row in zip(*columns, strict=True):
        table.add_row(*map(plain, row))
    body = [table] if shown else [_empty("rows")]
    return Group(heading(finding.title), *body, *more(len(finding.rows) - len(shown), "row"))


@renderable.register
def _(finding: Note, view: View) -> RenderableType:
    del view
    return Text.assemble(("● ", "cyan"), plain(finding.text, keep_lines=True))


@renderable.register
def _(finding: Figure, view: View) -> RenderableType:
    text = Padding(plain(finding.text, keep_lines=True), (0, 2))
    file = plain(f"  {view.artifacts / finding.artifact}", "dim")
    return Group(heading(finding.title, "figure"), text, file)


def _empty(what: str) -> Text:
    return Text(f"  no {what}", "dim italic")
