"""Compares rows on shared truths: paired differences, and groups of tied methods."""

from collections.abc import Mapping, Sequence
from statistics import fmean
from string import ascii_lowercase

import numpy as np
from numpy.typing import NDArray

from diffkit.evaluation.leaderboard.cases import Unit
from diffkit.evaluation.leaderboard.schema import Difference
from diffkit.evaluation.leaderboard.scores import unit_part
from diffkit.evaluation.record import Arm
from diffkit.statistics import holm, mcnemar_p, paired_interval, sign_flip_p

COMPARED_PARTS = ("top1", "named")
"""Parts of grades that are compared; ``top1`` is the score of graders that have no parts."""
_COMPARED_ARMS: Mapping[Arm, tuple[Arm, ...]] = {
    "method": ("evidence-swap", "blackbox"),
    "combined": ("blackbox",),
}
"""Arms without the findings of a main arm, by the main arm."""
UnitsByRow = Mapping[tuple[str, Arm], Sequence[Unit]]
"""Units of organisms by method and arm."""
TIE_ALPHA = 0.05
"""Level of the tests that separate groups."""
_TIE_PARTS = (("named", "named_reciprocal_rank"), ("top1", "reciprocal_rank"), ("top1",))
"""Parts whose mean decides on groups; the first that all graded units have."""
UnitScores = Mapping[tuple[str, str], float]
"""Scores of a method by base and truth."""


def differences_to_arms(
    units: UnitsByRow, method: str, arm: Arm
) -> dict[Arm, dict[str, Difference]]:
    """Differences of a row to the arms without its findings, by arm and part."""
    found = {
        other: paired_differences(units[method, arm], units[method, other])
        for other in _COMPARED_ARMS.get(arm, ())
        if (method, other) in units
    }
    return {other: parts for other, parts in found.items() if parts}


def differences_to_methods(
    units: UnitsByRow, method: str, others: Sequence[str]
) -> dict[str, dict[str, Difference]]:
    """Differences of a method to each of ``others``, by method and part."""
    own = units[method, "method"]
    found = {other: paired_differences(own, units[other, "method"]) for other in others}
    return {other: parts for other, parts in found.items() if parts}


def paired_differences(one: Sequence[Unit], other: Sequence[Unit]) -> dict[str, Difference]:
    """``one`` minus ``other`` on shared units, by part; parts that either lacks are left out."""
    found = {
        part: _difference(_part_by_unit(one, part), _part_by_unit(other, part))
        for part in COMPARED_PARTS
    }
    return {part: difference for part, difference in found.items() if difference}


def _part_by_unit(units: Sequence[Unit], part: str) -> dict[tuple[str, str], float]:
    """The part by base and truth."""
    known = {(unit.base, unit.name): unit_part(unit, part) for unit in units}
    return {key: value for key, value in known.items() if value is not None}


def _difference(
    one: Mapping[tuple[str, str], float], other: Mapping[tuple[str, str], float]
) -> Difference | None:
    both = sorted(one.keys() & other.keys())
    if not both:
        return None
    ones, others = (np.array([side[key] for key in both]) for side in (one, other))
    truths = [truth for _, truth in both]
    interval = paired_interval(ones, others, truths)
    return Difference(
        mean=float(np.mean(ones - others)),
        n=len(both),
        low=interval.low if interval else None,
        high=interval.high if interval else None,
        p=sign_flip_p(_sum_by_truth(ones - others, truths)),
        mcnemar=_mcnemar(ones, others, truths),
    )


def _sum_by_truth(values: NDArray[np.float64], truths: Sequence[str]) -> NDArray[np.float64]:
    """The sum of each truth's values, which are dependent and get one random sign."""
    names = np.array(truths)
    return np.array([values[names == name].sum() for name in dict.fromkeys(truths)])


def _mcnemar(
    one: NDArray[np.float64], other: NDArray[np.float64], truths: Sequence[str]
) -> float | None:
    whole = bool(np.isin([one, other], (0, 1)).all())
    if not whole or len(set(truths)) < len(truths):
        return None
    return mcnemar_p([bool(hit) for hit in one], [bool(hit) for hit in other])


def tie_groups(methods: Mapping[str, Sequence[Unit]]) -> dict[str, str]:
    """Letters for methods: one for the leader and all methods tied with it, then the next.

    The score of a unit is the mean of ``named`` and ``named_reciprocal_rank`` (for graders without
    them, of top-1 and reciprocal rank), so that near misses count. The best method is compared with
    each other one on shared units by a sign-flip test with Holm's correction; the methods that
    differ are grouped in the same way. A method without scores has no letter.

    Args:
        methods: units by method.
    """
    scores = _unit_scores(methods)
    left = sorted(
        (name for name in scores if scores[name]), key=lambda n: (-_mean_score(scores[n]), n)
    )
    letters = dict.fromkeys(methods, "")
    index = 0
    while left:
        tied = _tied(left, scores)
        letters |= dict.fromkeys(tied, ascii_lowercase[index % 26] * (1 + index // 26))
        left = [name for name in left if name not in tied]
        index += 1
    return letters


def _unit_scores(methods: Mapping[str, Sequence[Unit]]) -> dict[str, UnitScores]:
    everything = [unit for units in methods.values() for unit in units]
    graded = [unit for unit in everything if unit_part(unit, "top1") is not None]
    parts = next(
        parts
        for parts in _TIE_PARTS
        if all(unit_part(unit, part) is not None for unit in graded for part in parts)
    )
    return {
        name: {(u.base, u.name): fmean(unit_part(u, part) or 0 for part in parts) for u in units}
        for name, units in (
            (name, [unit for unit in units if unit_part(unit, "top1") is not None])
            for name, units in methods.items()
        )
    }


def _mean_score(scores: UnitScores) -> float:
    return fmean(scores.values())


def _tied(left: Sequence[str], scores: Mapping[str, UnitScores]) -> set[str]:
    """The first method and those that do not differ significantly from it."""
    leader, *others = left
    ps = holm([_paired_p(scores[leader], scores[other]) for other in others])
    return {leader} | {other for other, p in zip(others, ps, strict=True) if p > TIE_ALPHA}


def _paired_p(one: UnitScores, other: UnitScores) -> float:
    differences = [one[unit] - other[unit] for unit in sorted(one.keys() & other.keys())]
    p = sign_flip_p(np.array(differences, dtype=np.float64))
    return 1.0 if p is None else p
