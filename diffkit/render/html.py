"""Runs and leaderboards as one self-contained HTML file: nothing in it reaches out or runs."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from diffkit.evaluation.leaderboard import Leaderboard, PairResult
from diffkit.render import forest, terms
from diffkit.render.environment import environment
from diffkit.render.html_attempt import Shown, by_pair, by_row
from diffkit.render.sections import graded, noticing, sections
from diffkit.runs.manifest import StoredRun

T = TypeVar("T")


@dataclass(frozen=True)
class _Entry:
    """One run in a leaderboard's page."""

    anchor: str
    run: StoredRun
    pairs: tuple[PairResult, ...]


def run_page(run: StoredRun) -> str:
    """The page of one run."""
    return environment().get_template("run.html.j2").render(run=run)


def leaderboard_page(
    leaderboard: Leaderboard,
    runs: Sequence[tuple[str, StoredRun]],
    attempts: Sequence[Shown] = (),
) -> str:
    """The page of a leaderboard with what was found below it.

    Args:
        leaderboard: the leaderboard.
        runs: a pair's label and its run, in the order to be shown; one label's stand together.
        attempts: what was said of pairs, in the order to be shown.
    """
    entries = [
        (name, _Entry(f"run-{index}", run, _pairs(leaderboard, name, run)))
        for index, (name, run) in enumerate(runs)
    ]
    page = environment().get_template("leaderboard.html.j2")
    return page.render(
        leaderboard=leaderboard,
        panels=forest.panels(leaderboard),
        graded=graded(leaderboard),
        sections=(parts := sections(leaderboard)),
        noticing=noticing(parts),
        groups=_grouped((pair.label, pair) for pair in leaderboard.pairs),
        readers={terms.reader(row) for row in leaderboard.rows}
        | {terms.reader(pair) for pair in leaderboard.pairs},
        seeds={pair.seed for pair in leaderboard.pairs},
        anchors={(name, e.run.manifest.digest): e.anchor for name, e in entries},
        found=_grouped(entries),
        attempts=by_pair(attempts, leaderboard),
        attempt_links=by_row(attempts),
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
