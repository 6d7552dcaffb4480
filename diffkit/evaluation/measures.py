"""Parts of grades, averaged over units and tested by permuting the truths."""

from collections.abc import Mapping, Sequence
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

from diffkit.evaluation.graded import Unit
from diffkit.evaluation.shares import Measure, Share, share
from diffkit.grader import Grade
from diffkit.statistics import matching_p

_OWN = {
    "choices",
    "rank",
    "top1",
    "reciprocal_rank",
    "named",
    "named_reciprocal_rank",
    "named_by_examples",
    "none_of_these",
}
"""Parts that have columns, count in letters alone, or say what a lineup was."""


def measure(units: Sequence[Unit], part: str, *, is_share: bool = True) -> Measure | None:
    """A part of the grades over ``units``; none where no grade has it.

    Args:
        units: organisms' units.
        part: its name; ``top1`` is the score of a grader that names no parts.
        is_share: whether it counts hits, so that it has an interval.
    """
    graded = [grades for unit in units if (grades := _with(unit, part))]
    if not graded:
        return None
    values = [fmean(_part(grade, part) for grade in grades) for grades in graded]
    counted = counts(values) if is_share else Share(hits=round(sum(values), 9), n=len(values))
    return Measure(
        **counted.model_dump(),
        chance=_chance(graded, part),
        p=_p(units, part),
    )


def other_parts(units: Sequence[Unit]) -> dict[str, Measure]:
    """Means of the parts that have no column of their own, such as recall, by name."""
    grades = [case.grade for unit in units for case in unit.cases if case.grade]
    names = sorted({name for grade in grades for name in grade.parts} - _OWN)
    means = {name: measure(units, name, is_share=False) for name in names if not _of_chance(name)}
    return {name: mean for name, mean in means.items() if mean}


def _of_chance(part: str) -> bool:
    return part.endswith("_chance")


def counts(values: Sequence[float]) -> Share:
    """The share that units with these values between 0 and 1 come to."""
    hits = round(sum(values), 9)  # thirds of a unit add up to a whole one
    return share(int(hits) if hits == int(hits) else hits, len(values))


def part_of(unit: Unit, part: str) -> float | None:
    """Mean of a part over the graded cases of a unit; none where no grade has it."""
    grades = _with(unit, part)
    return fmean(_part(grade, part) for grade in grades) if grades else None


def _with(unit: Unit, part: str) -> list[Grade]:
    grades = [case.grade for case in unit.cases if case.grade]
    return [grade for grade in grades if part in grade.parts or part == "top1"]


def _part(grade: Grade, part: str) -> float:
    return grade.parts.get(part, grade.score)


def _chance(graded: Sequence[Sequence[Grade]], part: str) -> float | None:
    """Mean over units, as the part itself."""
    name = f"{part}_chance"
    found = [
        [g.parts.get(name, g.chance) for g in grades if name in g.parts or part == "top1"]
        for grades in graded
    ]
    return fmean(fmean(values) for values in found) if all(found) else None


def _p(units: Sequence[Unit], part: str) -> float | None:
    """Permutation of truths over units; none where a grade does not say what to permute."""
    by_base: dict[str, list[Unit]] = {}
    for unit in units:
        if any(case.grade for case in unit.cases):
            by_base.setdefault(unit.base, []).append(unit)
    blocks = [_block(members, part) for members in by_base.values()]
    known = [block for block in blocks if block is not None]
    return matching_p(known) if len(known) == len(blocks) else None


def _block(units: Sequence[Unit], part: str) -> NDArray[np.float64] | None:
    """[units, truths]: each unit's part, had each truth of the same base been its own."""
    rows = []
    for unit in units:
        grades = [case.grade for case in unit.cases if case.grade]
        cases = [
            [_value(grade.if_true.get(other.name), part) for other in units] for grade in grades
        ]
        rows.append(np.array(cases, dtype=np.float64).mean(axis=0))
    block = np.array(rows)
    return None if np.isnan(block).any() else block


def _value(parts: Mapping[str, float] | None, part: str) -> float:
    return np.nan if parts is None else parts.get(part, np.nan)
