"""Runs and leaderboards as self-contained HTML pages, without scripts or network access."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from diffkit.evaluation.leaderboard.schema import Leaderboard, PairResult
from diffkit.plain_text import formatting
from diffkit.render import labels
from diffkit.render.html import forest_plot
from diffkit.render.html.attempts import EmbeddedAttempt, group_by_pair, group_by_row
from diffkit.render.html.environment import environment
from diffkit.render.sections import detection_sections, graded_sections, sections
from diffkit.runs.manifest import StoredRun

T = TypeVar("T")


@dataclass(frozen=True)
class _RunEntry:
    """One run in a leaderboard's page."""

    anchor: str
    run: StoredRun
    pairs: tuple[PairResult, ...]


def run_page(run: StoredRun, summary: str = "") -> str:
    """The page of one run.

    Args:
        run: the run.
        summary: what `run_summary` says of it; shown first.
    """
    return environment().get_template("run.html.j2").render(run=run, summary=summary)


def leaderboard_page(
    leaderboard: Leaderboard,
    runs: Sequence[tuple[str, StoredRun]],
    attempts: Sequence[EmbeddedAttempt] = (),
) -> str:
    """The page of a leaderboard with what was found below it.

    Args:
        leaderboard: the leaderboard.
        runs: a pair's label and its run, in the order to be shown; one label's stand together.
        attempts: what was said of pairs, in the order to be shown.
    """
    entries = [
        (name, _RunEntry(f"run-{index}", run, _pairs_of(leaderboard, name, run)))
        for index, (name, run) in enumerate(runs)
    ]
    page = environment().get_template("leaderboard.html.j2")
    return page.render(
        leaderboard=leaderboard,
        panels=forest_plot.forest_panels(leaderboard),
        graded=graded_sections(leaderboard),
        sections=(parts := sections(leaderboard)),
        noticing=detection_sections(parts),
        groups=_group_by_name((pair.label, pair) for pair in leaderboard.pairs),
        readers={labels.reader(row) for row in leaderboard.rows}
        | {labels.reader(pair) for pair in leaderboard.pairs},
        seeds={pair.seed for pair in leaderboard.pairs},
        changes=_change_scores(leaderboard.pairs),
        anchors={(name, e.run.manifest.digest): e.anchor for name, e in entries},
        found=_group_by_name(entries),
        attempts=group_by_pair(attempts, leaderboard),
        attempt_links=group_by_row(attempts),
    )


def _change_scores(pairs: Iterable[PairResult]) -> dict[PairResult, str]:
    """Change scores as text; those of one method have one count of decimals, as in the terminal."""
    groups = _group_by_name((pair.method, pair) for pair in pairs)
    return {
        pair: text
        for group in groups.values()
        for pair, text in zip(
            group, formatting.aligned(pair.change_score for pair in group), strict=True
        )
    }


def _pairs_of(leaderboard: Leaderboard, label: str, run: StoredRun) -> tuple[PairResult, ...]:
    key = (label, run.manifest.digest)
    return tuple(pair for pair in leaderboard.pairs if (pair.label, pair.run) == key)


def _group_by_name(named: Iterable[tuple[str, T]]) -> dict[str, list[T]]:
    """What belongs to each name, names in the order of their first appearance."""
    groups: dict[str, list[T]] = {}
    for name, member in named:
        groups.setdefault(name, []).append(member)
    return groups
