"""Runs and leaderboards as one self-contained HTML file: nothing in it reaches out or runs.

Everything that a template prints passes through `words.clean` and is then escaped: model text is
data, in every place and without any template having to think of it.
"""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import groupby

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from diffkit.evaluation.leaderboard import Leaderboard, PairResult
from diffkit.findings import Figure
from diffkit.render import forest, heat, plots, words
from diffkit.runs.manifest import StoredRun

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
        runs: organism and run, in the order to be shown; runs of one organism stand together.
    """
    entries = [
        (name, _Entry(f"run-{index}", run, _pairs(leaderboard, name, run)))
        for index, (name, run) in enumerate(runs)
    ]
    order = {name: place for place, name in reversed(list(enumerate(name for name, _ in runs)))}
    entries.sort(key=lambda entry: order[entry[0]])
    found = [(name, [e for _, e in group]) for name, group in groupby(entries, lambda e: e[0])]
    page = _environment().get_template("leaderboard.html.j2")
    return page.render(
        leaderboard=leaderboard,
        panels=forest.panels(leaderboard),
        groups=_groups(leaderboard),
        anchors={(name, e.run.manifest.digest): e.anchor for name, e in entries},
        found=found,
    )


def _pairs(leaderboard: Leaderboard, organism: str, run: StoredRun) -> tuple[PairResult, ...]:
    key = (organism, run.manifest.digest)
    return tuple(pair for pair in leaderboard.pairs if (pair.organism, pair.run) == key)


def _groups(leaderboard: Leaderboard) -> list[tuple[str, list[PairResult]]]:
    pairs = sorted(leaderboard.pairs, key=lambda pair: pair.organism)
    return [(name, list(group)) for name, group in groupby(pairs, lambda pair: pair.organism)]


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
    environment.globals |= {"words": words, "plot": plots.plot, "picture": _picture}
    return environment


def _harmless(value: object) -> object:
    foreign = isinstance(value, str) and not isinstance(value, Markup)  # Markup is finished output
    return words.clean(value) if foreign else value


def _lines(text: str) -> Markup:
    """Text whose line breaks are kept, each with its sign."""
    pieces = (escape(words.clean(piece)) for piece in text.replace("\r\n", "\n").split("\n"))
    return Markup('<span class="nl">⏎</span>\n').join(pieces)


def _picture(figure: Figure, run: StoredRun) -> Markup | None:
    """The PNG as a data URI; none where the artifact is no PNG within the run's folder."""
    file = (run.artifacts / figure.artifact).resolve()
    if not file.is_relative_to(run.artifacts.resolve()) or not file.is_file():
        return None
    content = file.read_bytes()
    if not content.startswith(_PNG):
        return None
    return Markup("data:image/png;base64,{}").format(base64.b64encode(content).decode())
