"""How the rows of a leaderboard are gathered into tables, for both renderers."""

from collections.abc import Sequence
from dataclasses import replace
from typing import get_args

from diffkit.evaluation.leaderboard import Leaderboard
from diffkit.evaluation.record import Arm, MainArm
from diffkit.evaluation.row import Row, Stratum
from diffkit.render.section import Section

ALIKE: tuple[Arm, ...] = ("combined", "blackbox", "no-evidence", "ceiling")
"""Arms that do not hang on the method, unless a method's pairs differ from the others'."""
_MAIN = get_args(MainArm)


def sections(leaderboard: Leaderboard) -> tuple[Section, ...]:
    """One section for each stratum and reader, all organisms first."""
    groups: dict[tuple[Stratum, str, str], list[Row]] = {}
    for stratum in ("all", "non-lexical"):
        for row in leaderboard.rows:
            if row.stratum == stratum:
                groups.setdefault((stratum, row.investigator, row.grader), []).append(row)
    return tuple(_section(key, rows) for key, rows in groups.items())


def graded(leaderboard: Leaderboard) -> tuple[Section, ...]:
    """The sections that say who sees what: not those of a grader that failed at every attempt."""
    scored = [pair for pair in leaderboard.pairs if pair.score is not None]
    readers = {(pair.investigator, pair.grader) for pair in scored}
    return tuple(
        section
        for section in sections(leaderboard)
        if (section.investigator, section.grader) in readers or section.counts
    )


def mains(leaderboard: Leaderboard) -> tuple[Row, ...]:
    """The rows over all organisms without controls, by reader."""
    whole = (section for section in sections(leaderboard) if section.stratum == "all")
    return tuple(row for section in whole for row in section.mains)


def noticing(parts: Sequence[Section]) -> tuple[Section, ...]:
    """Those whose detection is to be shown: it hangs on the investigator, so one of each.

    Graders of findings have no rows for some arms; the section with most rows is taken. Where it
    stands for several, it names no grader.
    """
    groups: dict[tuple[Stratum, str], list[Section]] = {}
    for part in parts:
        groups.setdefault((part.stratum, part.investigator), []).append(part)
    fullest = (max(group, key=lambda one: len(one.subjects)) for group in groups.values())
    return tuple(
        replace(one, grader="") if len(group) > 1 else one
        for one, group in zip(fullest, groups.values(), strict=True)
    )


def _section(key: tuple[Stratum, str, str], rows: Sequence[Row]) -> Section:
    alike = [arm for arm in ALIKE if _same_for_all(arm, rows)]
    first = {row.arm: row for row in reversed(rows)}
    own = [row for row in rows if row.arm not in alike]
    main = [first[arm] for arm in alike if arm in _MAIN]
    return Section(*key, (*own, *main), tuple(first[arm] for arm in alike if arm not in _MAIN))


def _same_for_all(arm: Arm, rows: Sequence[Row]) -> bool:
    found = [row for row in rows if row.arm == arm]
    everywhere = len(found) == len({row.method for row in rows})
    return bool(found) and everywhere and all(_numbers(row) == _numbers(found[0]) for row in found)


def _numbers(row: Row) -> tuple[object, ...]:
    seen = (row.top1, row.reciprocal_rank, row.named, row.none_of_these, row.named_by_examples)
    return *seen, dict(row.parts), row.detected, row.false_alarms
