"""Comparisons of methods that hold in every held-back world, and the distance to the goal."""

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations

from markdown_tables import BoardRow, measure, share, table, value

GOAL = 0.8
"""Share of the ceiling's top-1 that the best method should reach."""
ALARMS = 20
"""One of so many nulls of a kind may raise a false alarm."""

LOSSES = """Where truths are lost, counted over organisms and variants. A truth is first among all
choices only where it is nearer to the claim than the other texts (named), where the change score is
told from all kinds of null (detected), and where the claim is nearer to it than what 95 % of the
null claims reach (else "none of these" comes before it).
"""

Boards = Mapping[str, Mapping[str, BoardRow]]
"""Rows over all organisms, by world and method."""


def orderings(boards: Boards) -> Iterator[str]:
    """Which methods differ from chance, and from each other, in each world."""
    yield "## What holds in both held-back worlds\n"
    methods = sorted(set.intersection(*(set(rows) for rows in boards.values())))
    others = sorted(set.union(*(set(rows) for rows in boards.values())) - set(methods))
    if others:
        names = ", ".join(f"`{method}`" for method in others)
        yield f"- Run in one of them alone, so not compared here: {names}."
    for method in methods:
        ps = [rows[method]["named"]["p"] for rows in boards.values()]
        if all(p is not None and p < 0.01 for p in ps):
            yield f"- `{method}` names truths better than chance (p < 0.01 in each world)."
        elif all(p is not None and p > 0.05 for p in ps):
            yield f"- `{method}` is not told from chance (p > 0.05 in each world)."
    for first, second in combinations(methods, 2):
        for better, worse in ((first, second), (second, first)):
            if all(_differs(rows[better], rows[worse]) for rows in boards.values()):
                yield f"- `{better}` names more truths than `{worse}`, by test in each world."
    yield "- No other ordering of methods is the same in both, or told from a tie.\n"


def goal(boards: Boards, ceilings: Mapping[str, BoardRow]) -> Iterator[str]:
    """The top-1 of the best method relative to the ceiling, and false alarms by kind of null."""
    yield "## The goal\n"
    yield (
        f"The best method's top-1 is to reach {GOAL:g} of the ceiling's, and no method is to raise "
        "more than 1 false alarm in 20 on any kind of null.\n"
    )
    rows = []
    for world, methods in boards.items():
        best = max(methods.values(), key=lambda row: value(row["top1"]))
        ratio = value(best["top1"]) / value(ceilings[world]["top1"])
        rows.append(
            (world, f"`{best['method']}`", measure(best["top1"]),
             measure(ceilings[world]["top1"]), f"{ratio:.2f}", "yes" if ratio >= GOAL else "no")
        )  # fmt: skip
    yield from table(("world", "best", "top-1", "ceiling", "ratio", "reached"), rows)
    alarms = [
        (world, f"`{method}`", null.removeprefix("tiny-"), share(found))
        for world, methods in boards.items()
        for method, row in methods.items()
        for null, found in row["false_alarms_by"].items()
        if found["hits"] > math.ceil(found["n"] / ALARMS)
    ]
    yield "More false alarms than that:\n" if alarms else "No method raises more.\n"
    yield from table(("world", "method", "null", "alarms"), alarms) if alarms else ()


def losses(pairs: Mapping[str, Sequence[BoardRow]]) -> Iterator[str]:
    """Why named truths are not first among all choices.

    Args:
        pairs: results of each method on each organism and variant, by world.
    """
    yield LOSSES
    rows = []
    for world, own in pairs.items():
        taught = [pair for pair in own if pair["truth"] == "targeted"]
        for method in dict.fromkeys(pair["method"] for pair in taught):
            cells = [pair for pair in taught if pair["method"] == method]
            found = [pair for pair in cells if pair["said"] == "targeted"]
            numbers = (_sum(cells, "named"), float(len(found)), _sum(found, "named"),
                       _sum(cells, "score"))  # fmt: skip
            rows.append((world, f"`{method}`", str(len(cells)), *(f"{n:.1f}" for n in numbers)))
    head = ("world", "method", "of", "named", "detected", "both", "top-1")
    yield from table(head, rows)


def _sum(pairs: Sequence[BoardRow], part: str) -> float:
    return float(sum(pair[part] or 0.0 for pair in pairs))


def _differs(better: BoardRow, worse: BoardRow) -> bool:
    """Whether a method is better, and in no common group of the tie test."""
    differs = not set(better["group"]) & set(worse["group"])
    return differs and value(better["named"]) > value(worse["named"])
