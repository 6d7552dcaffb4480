"""Runs and leaderboards in the terminal."""

from rich.console import Console
from rich.table import Table as Grid
from rich.text import Text

from diffkit.evaluation.leaderboard import Leaderboard
from diffkit.findings import Findings
from diffkit.render import terms, words
from diffkit.render.sections import sections
from diffkit.render.text_findings import View, renderable
from diffkit.render.text_leaderboard import (
    examples_table,
    notices_table,
    sees_table,
    trust_table,
)
from diffkit.render.text_pairs import pairs_table
from diffkit.render.text_parts import labelled, more, plain
from diffkit.runs.manifest import Manifest, StoredRun

__all__ = ["render_findings", "render_leaderboard"]


def render_findings(run: StoredRun, console: Console, *, limit: int = 20) -> None:
    """Prints what a run found.

    Args:
        run: the run.
        console: where to.
        limit: findings at most, and rows of one finding at most; what is left out is counted.
    """
    colour = console.color_system is not None and not console.no_color
    view = View(limit, colour, run.artifacts)
    items = run.findings.items
    console.print(_header(run.manifest, run.findings))
    for finding in items[:limit]:
        console.print()
        console.print(renderable(finding, view))
    for line in [*more(len(items) - limit, "finding"), *_silence(run.findings)]:
        console.print(line)


def _header(manifest: Manifest, findings: Findings) -> Grid:
    name = plain(manifest.identity.method, "bold").append(
        f"  version {manifest.identity.version}, run {manifest.digest[:12]}", "not bold dim"
    )
    options = ", ".join(f"{k}={words.option(v)}" for k, v in manifest.options.items())
    metrics = ", ".join(f"{k}={words.number(v)}" for k, v in findings.metrics.items())
    return labelled(
        [
            ("method", name),
            ("options", plain(options or "none")),
            ("change score", Text(words.number(findings.change_score), "bold")),
            ("metrics", plain(metrics or "none")),
            ("circumstances", plain(words.circumstances(manifest))),
        ]
    )


def _silence(findings: Findings) -> list[Text]:
    return [] if findings.items else [Text("\nThe method reported no findings.", "italic")]


def render_leaderboard(leaderboard: Leaderboard, console: Console) -> None:
    """Prints who sees what beside chance, what qualifies it, and the pairs behind it."""
    if not leaderboard.rows:
        console.print(plain(f"Leaderboard of {leaderboard.suite}: nothing has been graded yet."))
    else:
        tables = sections(leaderboard)
        for section in tables:
            console.print(sees_table(leaderboard.suite, section))
            console.print()
            if section.by_examples:
                console.print(examples_table(leaderboard.suite, section))
                console.print()
        legend = terms.legend(leaderboard.rows)
        console.print(labelled([(name, Text(meaning, "dim")) for name, meaning in legend]))
        console.print()
        for section in tables:
            console.print(notices_table(leaderboard.suite, section))
            console.print()
        console.print(trust_table(leaderboard))
        console.print()
    for note in leaderboard.notes:
        console.print(labelled([("●", plain(note))]))
    if leaderboard.pairs:
        console.print()
        console.print(pairs_table(leaderboard))
