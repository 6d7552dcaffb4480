"""Runs and leaderboards in the terminal."""

from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

from rich.console import Console, RenderableType
from rich.table import Table as Grid
from rich.text import Text

from diffkit.evaluation.leaderboard.schema import Leaderboard
from diffkit.findings import Finding
from diffkit.plain_text import formatting
from diffkit.render import labels
from diffkit.render.conclusions import conclusions
from diffkit.render.labels import label_fields
from diffkit.render.sections import detection_sections, graded_sections, sections
from diffkit.render.terminal.agents import agent_tables
from diffkit.render.terminal.findings import View, finding_renderable
from diffkit.render.terminal.layout import labelled, rows_left, safe_text
from diffkit.render.terminal.leaderboard import (
    calibration_table,
    detection_table,
    examples_table,
    pairs_table,
    parts_table,
    score_table,
)
from diffkit.runs.manifest import StoredRun

__all__ = [
    "render_conclusions",
    "render_findings",
    "render_items",
    "render_leaderboard",
    "render_scores",
]


def render_findings(
    run: StoredRun, console: Console, *, limit: int = 20, summary: str = ""
) -> None:
    """Prints what a run found.

    Args:
        run: the run.
        console: where to.
        summary: what `run_summary` says of it; printed first.
        limit: findings at most, and rows of one finding at most; what is left out is counted.
    """
    if summary:
        console.print(safe_text(summary, "bold"), end="\n\n")
    console.print(_header(run))
    render_items(run.findings.items, run.artifacts, console, limit=limit)


def render_items(
    items: Sequence[Finding], artifacts: Path, console: Console, *, limit: int = 20
) -> None:
    """Prints findings one below the other.

    Args:
        items: the findings.
        artifacts: folder of the run's artifacts.
        console: where to.
        limit: as for `render_findings`.
    """
    colour = console.color_system is not None and not console.no_color
    view = View(limit, colour, artifacts)
    for finding in items[:limit]:
        console.print()
        console.print(finding_renderable(finding, view))
    for line in rows_left(len(items) - limit, "finding"):
        console.print(line)
    if not items:
        console.print(Text("\nThere are no findings.", "italic"))


def _header(run: StoredRun) -> Grid:
    manifest, findings = run.manifest, run.findings
    name = safe_text(manifest.identity.method, "bold").append(
        f"  version {manifest.identity.version}, run {manifest.digest[:12]}", "not bold dim"
    )
    options = ", ".join(f"{k}={formatting.option(v)}" for k, v in manifest.options.items())
    metrics = ", ".join(f"{k}={formatting.number(v)}" for k, v in findings.metrics.items())
    noun = manifest.identity.noun
    score = ("change score", Text(formatting.number(findings.change_score), "bold"))
    return labelled(
        [
            (noun, name),
            *((label, safe_text(value)) for label, value in label_fields(manifest.labels)),
            ("options", safe_text(options or "none")),
            *([score] if noun == "method" else []),
            ("metrics", safe_text(metrics or "none")),
            ("circumstances", safe_text(formatting.circumstances(manifest))),
            *([("command", safe_text(manifest.command))] if manifest.command else []),
            *(("artifact", safe_text(str(path))) for path in run.artifact_files),
        ]
    )


def render_leaderboard(leaderboard: Leaderboard, console: Console) -> None:
    """Prints truths found beside chance, what qualifies it, and results for each pair."""
    if not leaderboard.rows:
        console.print(
            safe_text(f"Leaderboard of {leaderboard.suite}: nothing has been graded yet.")
        )
    for table in _tables(leaderboard):
        console.print(table)
        console.print()
    for note in leaderboard.notes:
        console.print(labelled([("●", safe_text(note))]))
    if leaderboard.pairs:
        console.print()
        console.print(pairs_table(leaderboard))
        if labels.T_P[0] in labels.pair_p_values(leaderboard.pairs):
            console.print(_legend((labels.T_P,)))


def render_conclusions(leaderboard: Leaderboard, console: Console) -> None:
    """Prints what to conclude about each method."""
    for sentence in conclusions(leaderboard):
        console.print(labelled([("●", safe_text(sentence))]))


def render_scores(leaderboard: Leaderboard, console: Console) -> None:
    """Prints the two tables that conclusions are drawn from."""
    suite = leaderboard.suite
    for section in graded_sections(leaderboard):
        if section.stratum == "all":
            console.print()
            console.print(score_table(suite, section))
    for section in detection_sections(sections(leaderboard)):
        if section.stratum == "all":
            console.print()
            console.print(detection_table(suite, section))


def _tables(leaderboard: Leaderboard) -> Iterator[RenderableType]:
    """What is known of the rows; nothing where there are none."""
    suite, parts = leaderboard.suite, sections(leaderboard)
    seen = graded_sections(leaderboard)
    for section in seen:
        yield score_table(suite, section)
        if section.by_examples:
            yield examples_table(suite, section)
        if section.parts:
            yield parts_table(suite, section)
    if seen:
        yield _legend(labels.legend(leaderboard.rows))
    yield from (detection_table(suite, section) for section in detection_sections(parts))
    asking = [section for section in parts if section.asks]
    yield from chain.from_iterable(agent_tables(suite, section) for section in asking)
    if asking:
        yield _legend(labels.AGENT_LEGEND)
    if parts:
        yield calibration_table(leaderboard)
        if missing := labels.calibration_help(leaderboard.rows):
            yield _legend(missing)
    if leaderboard.passports:
        known = leaderboard.passports.items()
        yield labelled([("graded by", safe_text(f"{name}: {said}")) for name, said in known])


def _legend(meanings: Sequence[tuple[str, str]]) -> Grid:
    return labelled([(name, Text(meaning, "dim")) for name, meaning in meanings])
