"""Runs and leaderboards as one self-contained HTML file: nothing in it reaches out or runs.

Everything that a template prints passes through `words.clean` and is then escaped: model text is
data, in every place and without any template having to think of it.
"""

import base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import zip_longest
from typing import TypeVar

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from diffkit.evaluation.leaderboard import Leaderboard, PairResult
from diffkit.findings import Figure, Table
from diffkit.render import forest, heat, plots, terms, words
from diffkit.render.sections import sections
from diffkit.runs.manifest import StoredRun

T = TypeVar("T")
_PNG = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True)
class _Entry:
    """One run in a leaderboard's page."""

    anchor: str
    run: StoredRun
    pairs: tuple[PairResult, ...]


def run_page(run: StoredRun) -> str:
    """The page of one run."""
    return _environment().get_template("run.html.j2").render(run=run)


def leaderboard_page(leaderboard: Leaderboard, runs: Sequence[tuple[str, StoredRun]]) -> str:
    """The page of a leaderboard with what was found below it.

    Args:
        leaderboard: the leaderboard.
        runs: a pair's label and its run, in the order to be shown; one label's stand together.
    """
    entries = [
        (name, _Entry(f"run-{index}", run, _pairs(leaderboard, name, run)))
        for index, (name, run) in enumerate(runs)
    ]
    page = _environment().get_template("leaderboard.html.j2")
    return page.render(
        leaderboard=leaderboard,
        panels=forest.panels(leaderboard),
        sections=sections(leaderboard),
        groups=_grouped((pair.label, pair) for pair in leaderboard.pairs),
        readers={terms.reader(row) for row in leaderboard.rows}
        | {terms.reader(pair) for pair in leaderboard.pairs},
        seeds={pair.seed for pair in leaderboard.pairs},
        anchors={(name, e.run.manifest.digest): e.anchor for name, e in entries},
        found=_grouped(entries),
    )


def _pairs(leaderboard: Leaderboard, label: str, run: StoredRun) -> tuple[PairResult, ...]:
    key = (label, run.manifest.digest)
    return tuple(pair for pair in leaderboard.pairs if (pair.label, pair.run) == key)


def _grouped(named: Iterable[tuple[str, T]]) -> dict[str, list[T]]:
    """What belongs to each name, names in the order of their first appearance."""
    groups: dict[str, list[T]] = {}
    for name, member in named:
        groups.setdefault(name, []).append(member)
    return groups


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("diffkit.render"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_harmless,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"lines": _lines, "levels": heat.levels, "strongest": heat.strongest}
    environment.globals |= {
        "words": words,
        "terms": terms,
        "plot": plots.plot,
        "picture": _picture,
        "columns": _columns,
    }
    return environment


def _harmless(value: object) -> object:
    if isinstance(value, Markup) or not isinstance(value, str):
        return value  # Markup is finished output
    return words.clean(value)


def _lines(text: str) -> Markup:
    """Text whose line breaks are kept, each with its sign."""
    pieces = (escape(words.clean(piece)) for piece in text.replace("\r\n", "\n").split("\n"))
    return Markup('<span class="nl">⏎</span>\n').join(pieces)


def _columns(table: Table) -> list[tuple[str, ...]]:
    """The cells of a table as text, column by column."""
    return [words.column(values) for values in zip_longest(*table.rows)]


def _picture(figure: Figure, run: StoredRun) -> Markup | None:
    """The PNG as a data URI; none where the artifact is no PNG within the run's folder."""
    folder = run.artifacts.resolve()
    try:
        file = (folder / figure.artifact).resolve()
        content = file.read_bytes() if file.is_relative_to(folder) else b""
    except (OSError, ValueError):  # a name may be missing, too long, or no name at all
        return None
    if not content.startswith(_PNG):
        return None
    return Markup("data:image/png;base64,{}").format(base64.b64encode(content).decode())
