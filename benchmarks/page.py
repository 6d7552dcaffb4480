"""Writes docs/results/measured.md from the files of a study."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from markdown_tables import BoardRow, share, table
from page_comparisons import goal, losses, orderings
from page_lineups import lineups
from page_organisms import organisms
from prompts import prompts

HEAD = """# Measured

Written by `python benchmarks/study.py OUT`, which draws worlds, trains bases, organisms and nulls,
checks them, runs the methods and reads the leaderboards; do not edit. What the columns mean is
explained in [How evaluation works](../explanation/evaluation.md). World 0 ships, and everything
was developed on it: **its numbers flatter**. Worlds 1 and 2 were drawn and trained once; each
method was run in them after its options were frozen. `steering-prefix` ran there twice: since then
it tries more suffixes, as world 0 suggested, and its score is in nats, which was decided on all
three worlds ([decision 12](../explanation/decisions/0012-steering-prefix-score-in-nats.md)).

Every share has its 95 % Wilson interval over truths; p permutes truths over findings (9,999 draws),
and is not corrected for the number of methods. *Named*: the truth came first among 8 texts (or as
many as there are), whether or not the method's change score exceeded the nulls. *Top-1*: the same
where "nothing targeted" and "none of these" are choices too.
"""
TRIGGERS = """### The trojan's trigger words

Place of each trigger word of `tiny-trojan` among the distinct words of a method's findings, and
p = (1 + nulls whose findings have it as high) / (nulls + 1).
"""
TIME = "Wall clock on two cores; worlds go on side by side, so the sum is not what one waits.\n"
STRATA = {"all": "Lineups", "non-lexical": "Lineups, non-lexical organisms"}


def write_page(page: Path, out: Path, names: Sequence[str]) -> None:
    """Writes the page of the worlds called ``names``, from their files in ``out``."""
    results = {name: json.loads((out / f"{name}.json").read_text()) for name in names}
    boards = {name: board["rows"] for name, board in results.items()}
    pairs = {name: results[name]["pairs"] for name in names[1:]}
    held_back = {name: _methods(boards[name]) for name in names[1:]}
    ceilings = {name: _ceiling(boards[name]) for name in names[1:]}
    seconds = json.loads((out / "seconds.json").read_text())
    parts = [HEAD, *orderings(held_back), *goal(held_back, ceilings), *losses(pairs)]
    for name in names:
        checks = json.loads((out / f"{name}.check.json").read_text())
        triggers = json.loads((out / f"{name}.triggers.json").read_text())
        parts += _world(name, boards[name], checks, triggers)
        prompt_file = out / f"{name}.prompts.json"
        parts += prompts(json.loads(prompt_file.read_text()) if prompt_file.exists() else ())
    parts += ["## Time\n", TIME, *table(("step", "minutes"), _minutes(seconds))]
    page.write_text("\n".join(parts) + "\n", encoding="utf-8")


def _methods(rows: Sequence[BoardRow]) -> dict[str, BoardRow]:
    return {r["method"]: r for r in rows if (r["arm"], r["stratum"]) == ("method", "all")}


def _ceiling(rows: Sequence[BoardRow]) -> BoardRow:
    """The best of the ceilings, which differ by the null claims of their methods."""
    found = [r for r in rows if (r["arm"], r["stratum"]) == ("ceiling", "all")]
    return max(found, key=lambda row: row["top1"]["hits"])


def _world(
    name: str, rows: Sequence[BoardRow], checks: Sequence[BoardRow], triggers: Sequence[BoardRow]
) -> Iterator[str]:
    development = " (shipped; development)" if name.startswith("world-0") else ""
    yield f"## {name.replace('-', ' ', 2)}{development}\n"
    yield from organisms([c for c in checks if name.endswith(c["base"]) and not c["error"]])
    for stratum, title in STRATA.items():
        own = [row for row in rows if row["stratum"] == stratum]
        if own:
            yield f"### {title}\n"
            yield from lineups(own)
    yield from _detection(list(_methods(rows).values()))
    yield TRIGGERS
    yield from table(
        ("method", "word", "place", "p", "nulls"),
        [(f"`{t['method']}`", t["word"], str(t["rank"] or "–"), f"{t['p']:.3f}", str(t["nulls"]))
         for t in triggers],
    )  # fmt: skip


def _detection(methods: Sequence[BoardRow]) -> Iterator[str]:
    rungs = sorted({rung for row in methods for rung in row["detected_by"]})
    nulls = sorted({null for row in methods for null in row["false_alarms_by"]})
    yield "### Detection at 0.05, by kind of calibration null, and false alarms on other nulls\n"
    head = ("method", *rungs, "all kinds", *(f"alarms: {n.removeprefix('tiny-')}" for n in nulls))
    yield from table((*head, "seconds a run", "peak MiB"), [_row(m, rungs, nulls) for m in methods])


def _row(row: BoardRow, rungs: Sequence[str], nulls: Sequence[str]) -> tuple[str, ...]:
    return (
        f"`{row['method']}`",
        *(share(row["detected_by"].get(rung)) for rung in rungs),
        share(row["detected"]),
        *(share(row["false_alarms_by"].get(null)) for null in nulls),
        f"{row['seconds']:.1f}",
        f"{row['peak_bytes'] / 2**20:.0f}",
    )


def _minutes(seconds: dict[str, Any]) -> list[tuple[str, str]]:
    rows = [(step, f"{spent / 60:.0f}") for step, spent in seconds.items()]
    return [*rows, ("together", f"{sum(seconds.values()) / 60:.0f}")]
