"""Says in words only what holds in every held-back world, and how far the goal is."""

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations

from page_cells import Row, measure, share, table, value

GOAL = 0.8
"""What share of the ceiling's top-1 the best method should have."""
ALARMS = 20
"""Of so many nulls of a kind one may raise a false alarm."""

LOSSES = """Where truths are lost, counted over organisms and variants. A truth is first among all
choices only where it is nearer to the claim than the other texts (named), where the change score is
told from all kinds of null (detected), and where the claim is nearer to it than what 95 % of the
null claims reach (else "none of these" comes before it).
"""

Boards = Mapping[str, Mapping[str, Row]]
"""World → method → its row over all organisms."""


def orderings(boards: Boards) -> Iterator[str]:
    """Who is told from chance, and from whom."""
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
            if all(_apart(rows[better], rows[worse]) for rows in boards.values()):
                yield f"- `{better}` names more truths than `{worse}`, by test in each world."
    yield "- No other ordering of methods is the same in both, or told from a tie.\n"


def goal(boards: Boards, ceilings: Mapping[str, Row]) -> Iterator[str]:
    """The best method's top-1 against the ceiling's, and false alarms on each kind of null."""
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


def losses(pairs: Mapping[str, Sequence[Row]]) -> Iterator[str]:
    """What keeps named truths from being first among all choices.

    Args:
        pairs: world → what each method made of each organism and variant.
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


def _sum(pairs: Sequence[Row], part: str) -> float:
    return float(sum(pair[part] or 0.0 for pair in pairs))


def _apart(better: Row, worse: Row) -> bool:
    """Whether the tie test puts two methods in no common group."""
    apart = not set(better["group"]) & set(worse["group"])
    return apart and value(better["named"]) > value(worse["named"])
