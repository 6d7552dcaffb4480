"""Findings as plain text without the models' names: handles stand for the two sides."""

from collections.abc import Iterator
from functools import singledispatch

from diffkit.chat.blinding import Blinding
from diffkit.findings import (
    BOTH_SIDES,
    Figure,
    Finding,
    Findings,
    Line,
    Note,
    Sample,
    Samples,
    Series,
    Table,
    TokenTable,
    TokenTrace,
    TracedToken,
)
from diffkit.organism import Record
from diffkit.plain_text import formatting
from diffkit.plain_text.token_heatmap import strongest
from diffkit.verdict import Side

_CHARACTERS = 600  # of one completion

_TRACED = 400  # tokens of a trace

_TOP = 8  # positions of a trace with both sides' candidates

_CANDIDATES = 3

_POINTS = 8  # of a line


def finding_text(finding: Finding, blinding: Blinding, *, limit: int = 20) -> str:
    """A finding as text, blinded.

    Args:
        finding: what a method found.
        blinding: what the sides are called, and what is withheld.
        limit: rows shown at most.
    """
    return "\n".join(_lines(finding, blinding, limit))


def list_findings_text(findings: Findings, blinding: Blinding) -> tuple[str, ...]:
    """One line for each finding: its kind, its title, and how much there is of it."""
    return tuple(
        f"{item.kind}: {_title(item, blinding)}{f' ({count})' if (count := _count(item)) else ''}"
        for item in findings.items
    )


def _title(item: Finding, blinding: Blinding) -> str:
    return blinding.hide(item.text if isinstance(item, Note) else item.title, "words")


def _count(item: Finding) -> str:
    match item:
        case TokenTable() | Samples() | Table():
            return f"{len(item.rows)} rows"
        case TokenTrace():
            return f"{len(item.tokens)} tokens"
        case Series():
            return f"{len(item.lines)} lines"
        case _:
            return ""


@singledispatch
def _lines(finding: Record, blinding: Blinding, limit: int) -> Iterator[str]:
    msg = f"No renderer for {type(finding).__name__}"
    raise TypeError(msg)


@_lines.register
def _(finding: TokenTable, blinding: Blinding, limit: int) -> Iterator[str]:
    yield _heading(finding.title, finding.unit, blinding)
    for row in finding.rows[:limit]:
        spread = "" if row.spread is None else f" ± {formatting.number(row.spread)}"
        token = blinding.hide(formatting.token(row.token))
        yield f"{token}\t{formatting.number(row.score)}{spread}"
    yield from _rows_left(len(finding.rows) - limit, "tokens")


@_lines.register
def _(finding: TokenTrace, blinding: Blinding, limit: int) -> Iterator[str]:
    yield _heading(finding.title, finding.unit, blinding)
    text = "".join(token.token for token in finding.tokens[:_TRACED])
    yield _untrusted(text, blinding)
    for position in strongest(finding, min(limit, _TOP)):
        token = finding.tokens[position.index]
        sides = (
            f"{blinding.handle[side]} expected {_expected(token, side, blinding)}"
            for side in blinding.order
        )
        score = formatting.number(token.score)
        yield f"at {blinding.hide(formatting.token(token.token))} ({score}): {'; '.join(sides)}"


def _expected(token: TracedToken, side: Side, blinding: Blinding) -> str:
    candidates = token.base if side == "base" else token.finetuned
    return (
        ", ".join(
            f"{blinding.hide(formatting.token(one.token))} {formatting.percent(one.probability)}"
            for one in candidates[:_CANDIDATES]
        )
        or formatting.NONE
    )


@_lines.register
def _(finding: Samples, blinding: Blinding, limit: int) -> Iterator[str]:
    yield blinding.hide(finding.title, "words")
    for number, row in enumerate(finding.rows[:limit], 1):
        score = (
            ""
            if row.score is None
            else f" [{formatting.number(row.score)} {blinding.hide(finding.unit)}]"
        )
        yield f"{number}. prompt{score}: {_untrusted(row.prompt, blinding)}"
        for name, text in _sides(finding, row, blinding):
            yield f"   {name}: {_untrusted(text, blinding)}"
    yield from _rows_left(len(finding.rows) - limit, "samples")


def _sides(finding: Samples, row: Sample, blinding: Blinding) -> list[tuple[str, str]]:
    """The columns: both models' in the order in which they are shown, others as they stand."""
    if finding.sides != BOTH_SIDES:
        return [
            (blinding.hide(finding.sides[0]), row.base),
            (blinding.hide(finding.sides[1]), row.finetuned),
        ]
    texts: dict[Side, str] = {"base": row.base, "finetuned": row.finetuned}
    return [(blinding.handle[side], texts[side]) for side in blinding.order]


@_lines.register
def _(finding: Series, blinding: Blinding, limit: int) -> Iterator[str]:
    yield blinding.hide(f"{finding.title}: {finding.y_label} over {finding.x_label}")
    for line in finding.lines[:limit]:
        points = ", ".join(
            f"({formatting.number(x)}, {formatting.number(y)})" for x, y in _sampled_points(line)
        )
        yield f"{blinding.hide(line.name)}: {points or 'no points'}"
    yield from _rows_left(len(finding.lines) - limit, "lines")


def _sampled_points(line: Line) -> list[tuple[float, float]]:
    """Points of a line, from its beginning to its end and evenly between."""
    points = list(zip(line.x, line.y, strict=True))
    width = (len(points) - 1) / (_POINTS - 1)
    places = {round(width * step) for step in range(_POINTS)} if points else ()
    return [points[place] for place in sorted(places)]


@_lines.register
def _(finding: Table, blinding: Blinding, limit: int) -> Iterator[str]:
    yield blinding.hide(finding.title, "words")
    yield "\t".join(map(blinding.hide, finding.columns))
    for row in finding.rows[:limit]:
        cells = (
            formatting.clean(one) if isinstance(one, str) else formatting.number(one) for one in row
        )
        yield blinding.hide("\t".join(cells))
    yield from _rows_left(len(finding.rows) - limit, "rows")


@_lines.register
def _(finding: Note, blinding: Blinding, limit: int) -> Iterator[str]:
    del limit
    yield blinding.hide(formatting.clean(finding.text), "words")


@_lines.register
def _(finding: Figure, blinding: Blinding, limit: int) -> Iterator[str]:
    del limit
    yield blinding.hide(finding.title, "words")
    yield blinding.hide(formatting.clean(finding.text), "words")


def _heading(title: str, unit: str, blinding: Blinding) -> str:
    return f"{blinding.hide(title, 'words')} [{blinding.hide(unit)}]"


def _untrusted(text: str, blinding: Blinding) -> str:
    return blinding.hide(formatting.clean(formatting.shorten(text, _CHARACTERS))) or "(empty)"


def _rows_left(hidden: int, what: str) -> Iterator[str]:
    if hidden > 0:
        yield f"… {hidden:,} more {what}"
