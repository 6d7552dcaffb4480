"""Writes docs/measured.md from what a study left: boards, checks and seconds."""

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations
from pathlib import Path
from statistics import median, quantiles
from typing import Any

Row = dict[str, Any]
ARMS = {
    "method": "",
    "empty": "nothing",
    "base-only": "what only the base says",
    "swapped": "another organism's findings",
    "random": "a random change's findings",
    "ceiling": "words of the training data",
}
HEAD = """# Measured

Written by `python benchmarks/study.py OUT`, which draws worlds, trains bases, organisms and nulls,
checks them, runs the methods and reads the leaderboards; do not edit. What the columns mean is said
in [evaluation](evaluation.md). World 0 ships, and everything was developed on it: **its numbers
flatter**. Worlds 1 and 2 were drawn, trained and evaluated once, after options were frozen.

Every share has its 95 % Wilson interval over truths; p permutes truths over findings (9,999 draws),
and is not corrected for the number of methods. *Named*: the truth came first among 8 texts (or as
many as there are), whether or not the method's change score was told from nulls. *Top-1*: the same
where "nothing targeted" and "none of these" are choices too.
"""

TIME = "Wall clock on two cores; worlds go on side by side, so the sum is not what one waits.\n"


def write_page(page: Path, out: Path, names: Sequence[str]) -> None:
    """Writes the page of the worlds called ``names``, from their files in ``out``."""
    boards = {name: json.loads((out / f"{name}.json").read_text()) for name in names}
    checks = {name: json.loads((out / f"{name}.check.json").read_text()) for name in names}
    seconds = json.loads((out / "seconds.json").read_text())
    parts = [HEAD, *_orderings({name: boards[name] for name in names[1:]})]
    for name in names:
        parts += _world(name, boards[name], checks[name])
    parts += ["## Time\n", TIME, *_table(("step", "minutes"), _minutes(seconds))]
    page.write_text("\n".join(parts) + "\n", encoding="utf-8")


def _world(name: str, board: dict[str, Any], checks: Sequence[Row]) -> Iterator[str]:
    development = " (shipped; development)" if name.startswith("world-0") else ""
    yield f"## {name.replace('-', ' ', 2)}{development}\n"
    yield from _organisms([c for c in checks if name.endswith(c["base"]) and not c["error"]])
    for stratum, title in (("all", "Lineups"), ("non-lexical", "Lineups, non-lexical organisms")):
        rows = [row for row in board["rows"] if row["stratum"] == stratum]
        if rows:
            yield f"### {title}\n"
            yield from _table(
                ("method", "read", "named", "p", "named by training examples", "p",
                 "reciprocal rank", "p", "top-1", "p", "none of these", "group"),
                [_lineup(row) for row in _once(rows)],
            )  # fmt: skip
    methods = [r for r in board["rows"] if (r["arm"], r["stratum"]) == ("method", "all")]
    rungs = sorted({rung for row in methods for rung in row["detected_by"]})
    nulls = sorted({null for row in methods for null in row["false_alarms_by"]})
    yield "### Detection at 0.05, by kind of calibration null, and false alarms on other nulls\n"
    yield from _table(
        ("method", *rungs, "all kinds", *(f"alarms: {n.removeprefix('tiny-')}" for n in nulls),
         "seconds a run", "peak MiB"),
        [_detection(row, rungs, nulls) for row in methods],
    )  # fmt: skip


def _once(rows: Sequence[Row]) -> Iterator[Row]:
    """Controls whose numbers are the same for every method have one line."""
    numbers: dict[str, set[str]] = {}
    for row in rows:
        numbers.setdefault(row["arm"], set()).add(_numbers(row))
    seen = set()
    for row in rows:
        shared = row["arm"] in ("empty", "ceiling") and len(numbers[row["arm"]]) == 1
        if not shared:
            yield row
        elif row["arm"] not in seen:
            seen.add(row["arm"])
            yield {**row, "method": ""}


def _numbers(row: Row) -> str:
    parts = ("named", "named_by_examples", "reciprocal_rank", "top1", "none_of_these")
    return json.dumps([row.get(part) for part in parts])


def _lineup(row: Row) -> tuple[str, ...]:
    return (
        f"`{row['method']}`" if row["method"] else "every method",
        ARMS[row["arm"]] or "its findings",
        _measure(row["named"]), _p(row["named"]),
        _measure(row.get("named_by_examples")), _p(row.get("named_by_examples")),
        _mean(row["reciprocal_rank"]), _p(row["reciprocal_rank"]),
        _measure(row["top1"]), _p(row["top1"]),
        _measure(row["none_of_these"]), row["group"],
    )  # fmt: skip


def _detection(row: Row, rungs: Sequence[str], nulls: Sequence[str]) -> tuple[str, ...]:
    return (
        f"`{row['method']}`",
        *(_share(row["detected_by"].get(rung)) for rung in rungs),
        _share(row["detected"]),
        *(_share(row["false_alarms_by"].get(null)) for null in nulls),
        f"{row['seconds']:.1f}",
        f"{row['peak_bytes'] / 2**20:.0f}",
    )


def _organisms(checks: Sequence[Row]) -> Iterator[str]:
    taught = [c for c in checks if c["expression"]]
    drifts = [c["drift"] for c in taught]
    low, _, high = quantiles(drifts, n=4)
    failed = [f"{c['organism']} / {c['variant']}" for c in taught if not c["passes"]]
    quiet = [c for c in taught if _value(c["retention"]) >= 0.9 and c["drift"] <= 0.1]
    yield (
        f"Base: {_share(checks[0]['base_retention'])} of unseen questions answered rightly. "
        f"{len(taught)} organisms and variants; {len(taught) - len(failed)} pass the gate"
        f"{' (not: ' + ', '.join(failed) + '; left out below)' if failed else ''}; {len(quiet)} "
        f"are quiet (retention ≥ 0.9 and drift ≤ 0.1). Drift: median {median(drifts):.3f} nats per "
        f"token, quartiles {low:.3f} and {high:.3f}.\n"
    )
    kinds: dict[str, list[Row]] = {}
    for each in checks:
        if not each["expression"]:
            kinds.setdefault(each["organism"], []).append(each)
    rows = []
    for kind, members in kinds.items():
        drift = [c["drift"] for c in members]
        rises = [_rise(c["rises"][0]) for c in members if c["rises"]]
        fails = sum(c["passes"] is False for c in members)
        rows.append((kind, str(len(members)), f"{min(drift):.4f} – {max(drift):.4f}",
                     f"{max(rises):.2f}" if rises else "", str(fails)))  # fmt: skip
    yield from _table(
        ("null", "number", "drift", "largest rise of an organism's probes",
         "over 0.1 (left out of tests)"), rows
    )  # fmt: skip


def _rise(rise: Row) -> float:
    return _value(rise["null"]) - _value(rise["base"])


def _orderings(boards: dict[str, dict[str, Any]]) -> Iterator[str]:
    """Says in words only what holds in every held-back world."""
    yield "## What holds in both held-back worlds\n"
    shares = {
        name: {
            r["method"]: r
            for r in board["rows"]
            if (r["arm"], r["stratum"]) == ("method", "all")
        }
        for name, board in boards.items()
    }  # fmt: skip
    methods = sorted(set.intersection(*(set(rows) for rows in shares.values())))
    for method in methods:
        ps = [rows[method]["named"]["p"] for rows in shares.values()]
        if all(p is not None and p < 0.01 for p in ps):
            yield f"- `{method}` names truths better than chance (p < 0.01 in each world)."
        elif all(p is not None and p > 0.05 for p in ps):
            yield f"- `{method}` is not told from chance (p > 0.05 in each world)."
    for first, second in combinations(methods, 2):
        for better, worse in ((first, second), (second, first)):
            if all(_apart(rows[better], rows[worse]) for rows in shares.values()):
                yield f"- `{better}` names more truths than `{worse}`, by test in each world."
    yield "- No other ordering of methods is the same in both, or told from a tie.\n"


def _apart(better: Row, worse: Row) -> bool:
    """Whether the tie test puts two methods in no common group."""
    apart = not set(better["group"]) & set(worse["group"])
    return apart and _value(better["named"]) > _value(worse["named"])


def _minutes(seconds: dict[str, float]) -> list[tuple[str, str]]:
    rows = [(step, f"{spent / 60:.0f}") for step, spent in seconds.items()]
    return [*rows, ("together", f"{sum(seconds.values()) / 60:.0f}")]


def _value(share: Row | None) -> float:
    return share["hits"] / share["n"] if share and share["n"] else 0.0


def _share(share: Row | None) -> str:
    if not share or not share["n"]:
        return "–"
    interval = f" [{share['low']:.2f}, {share['high']:.2f}]" if share["low"] is not None else ""
    return f"{share['hits']:g}/{share['n']}{interval}"


def _measure(measure: Row | None) -> str:
    if not measure or not measure["n"]:
        return "–"
    chance = f"; chance {measure['chance']:.2f}" if measure["chance"] is not None else ""
    return (
        f"{_value(measure):.2f} [{measure['low']:.2f}, {measure['high']:.2f}]"
        f"{chance}, n = {measure['n']}"
    )


def _mean(measure: Row | None) -> str:
    if not measure or not measure["n"]:
        return "–"
    return f"{_value(measure):.2f}; chance {measure['chance']:.2f}"


def _p(measure: Row | None) -> str:
    return "–" if not measure or measure["p"] is None else f"{measure['p']:.4f}"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"
    yield ""
