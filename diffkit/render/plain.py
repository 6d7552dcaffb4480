"""Findings as plain text for a reader that is blind to names: handles stand for the sides."""

from collections.abc import Iterator
from functools import singledispatch

from diffkit.blind import Blind
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
from diffkit.render import words
from diffkit.render.heat import strongest
from diffkit.verdict import Side

_CHARACTERS = 600  # of one completion
_TRACED = 400  # tokens of a trace
_TOP = 8  # positions of a trace with both sides' candidates
_CANDIDATES = 3
_POINTS = 8  # of a line


def describe(finding: Finding, blind: Blind, *, limit: int = 20) -> str:
    """A finding as text, blinded.

    Args:
        finding: what a method found.
        blind: what the sides are called, and what is withheld.
        limit: rows shown at most.
    """
    return "\n".join(_lines(finding, blind, limit))


def overview(findings: Findings, blind: Blind) -> tuple[str, ...]:
    """One line for each finding: its kind, its title, and how much there is of it."""
    return tuple(
        f"{item.kind}: {_title(item, blind)}{f' ({count})' if (count := _count(item)) else ''}"
        for item in findings.items
    )


def _title(item: Finding, blind: Blind) -> str:
    return blind.hide(item.text if isinstance(item, Note) else item.title, "words")


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
def _lines(finding: Record, blind: Blind, limit: int) -> Iterator[str]:
    msg = f"No renderer for {type(finding).__name__}"
    raise TypeError(msg)


@_lines.register
def _(finding: TokenTable, blind: Blind, limit: int) -> Iterator[str]:
    yield _heading(finding.title, finding.unit, blind)
    for row in finding.rows[:limit]:
        spread = "" if row.spread is None else f" ± {words.number(row.spread)}"
        token = blind.hide(words.token(row.token))
        yield f"{token}\t{words.number(row.score)}{spread}"
    yield from _more(len(finding.rows) - limit, "tokens")


@_lines.register
def _(finding: TokenTrace, blind: Blind, limit: int) -> Iterator[str]:
    yield _heading(finding.title, finding.unit, blind)
    text = "".join(token.token for token in finding.tokens[:_TRACED])
    yield _said(text, blind)
    for position in strongest(finding, min(limit, _TOP)):
        token = finding.tokens[position.index]
        sides = (
            f"{blind.handle[side]} expected {_expected(token, side, blind)}" for side in blind.order
        )
        score = words.number(token.score)
        yield f"at {blind.hide(words.token(token.token))} ({score}): {'; '.join(sides)}"


def _expected(token: TracedToken, side: Side, blind: Blind) -> str:
    candidates = token.base if side == "base" else token.finetuned
    return (
        ", ".join(
            f"{blind.hide(words.token(one.token))} {words.percent(one.probability)}"
            for one in candidates[:_CANDIDATES]
        )
        or words.NONE
    )


@_lines.register
def _(finding: Samples, blind: Blind, limit: int) -> Iterator[str]:
    yield blind.hide(finding.title, "words")
    for number, row in enumerate(finding.rows[:limit], 1):
        score = (
            "" if row.score is None else f" [{words.number(row.score)} {blind.hide(finding.unit)}]"
        )
        yield f"{number}. prompt{score}: {_said(row.prompt, blind)}"
        for name, text in _sides(finding, row, blind):
            yield f"   {name}: {_said(text, blind)}"
    yield from _more(len(finding.rows) - limit, "samples")


def _sides(finding: Samples, row: Sample, blind: Blind) -> list[tuple[str, str]]:
    """The columns: both models' in the order in which they are shown, others as they stand."""
    if finding.sides != BOTH_SIDES:
        return [
            (blind.hide(finding.sides[0]), row.base),
            (blind.hide(finding.sides[1]), row.finetuned),
        ]
    texts: dict[Side, str] = {"base": row.base, "finetuned": row.finetuned}
    return [(blind.handle[side], texts[side]) for side in blind.order]


@_lines.register
def _(finding: Series, blind: Blind, limit: int) -> Iterator[str]:
    yield blind.hide(f"{finding.title}: {finding.y_label} over {finding.x_label}")
    for line in finding.lines[:limit]:
        points = ", ".join(f"({words.number(x)}, {words.number(y)})" for x, y in _some(line))
        yield f"{blind.hide(line.name)}: {points or 'no points'}"
    yield from _more(len(finding.lines) - limit, "lines")


def _some(line: Line) -> list[tuple[float, float]]:
    """Points of a line, from its beginning to its end and evenly between."""
    points = list(zip(line.x, line.y, strict=True))
    width = (len(points) - 1) / (_POINTS - 1)
    places = {round(width * step) for step in range(_POINTS)} if points else ()
    return [points[place] for place in sorted(places)]


@_lines.register
def _(finding: Table, blind: Blind, limit: int) -> Iterator[str]:
    yield blind.hide(finding.title, "words")
    yield "\t".join(map(blind.hide, finding.columns))
    for row in finding.rows[:limit]:
        cells = (words.clean(one) if isinstance(one, str) else words.number(one) for one in row)
        yield blind.hide("\t".join(cells))
    yield from _more(len(finding.rows) - limit, "rows")


@_lines.register
def _(finding: Note, blind: Blind, limit: int) -> Iterator[str]:
    del limit
    yield blind.hide(words.clean(finding.text), "words")


@_lines.register
def _(finding: Figure, blind: Blind, limit: int) -> Iterator[str]:
    del limit
    yield blind.hide(finding.title, "words")
    yield blind.hide(words.clean(finding.text), "words")


def _heading(title: str, unit: str, blind: Blind) -> str:
    return f"{blind.hide(title, 'words')} [{blind.hide(unit)}]"


def _said(text: str, blind: Blind) -> str:
    return blind.hide(words.clean(words.shorten(text, _CHARACTERS))) or "(empty)"


def _more(hidden: int, what: str) -> Iterator[str]:
    if hidden > 0:
        yield f"… {hidden:,} more {what}"
