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
"""Parts of grades that are compared; ``top1`` is the score of a grader that names no parts."""

_COMPARED_ARMS: Mapping[Arm, tuple[Arm, ...]] = {
    "method": ("evidence-swap", "blackbox"),
    "combined": ("blackbox",),
}
"""Main arm → arms that show what its findings add."""

UnitsByRow = Mapping[tuple[str, Arm], Sequence[Unit]]
"""Method and arm → its organisms' units."""


def differences_to_arms(
    members: UnitsByRow, method: str, arm: Arm
) -> dict[Arm, dict[str, Difference]]:
    """What a row has over the same reader without its findings, by arm and part."""
    found = {
        other: paired_differences(members[method, arm], members[method, other])
        for other in _COMPARED_ARMS.get(arm, ())
        if (method, other) in members
    }
    return {other: parts for other, parts in found.items() if parts}


def differences_to_methods(
    members: UnitsByRow, method: str, others: Sequence[str]
) -> dict[str, dict[str, Difference]]:
    """What a method has over each of ``others``, by method and part."""
    mine = members[method, "method"]
    found = {other: paired_differences(mine, members[other, "method"]) for other in others}
    return {other: parts for other, parts in found.items() if parts}


def paired_differences(one: Sequence[Unit], other: Sequence[Unit]) -> dict[str, Difference]:
    """What ``one`` has over ``other``, by part; parts that either lacks are left out."""
    found = {
        part: _difference(_part_by_unit(one, part), _part_by_unit(other, part))
        for part in COMPARED_PARTS
    }
    return {part: difference for part, difference in found.items() if difference}


def _part_by_unit(units: Sequence[Unit], part: str) -> dict[tuple[str, str], float]:
    """Base and truth → the part."""
    known = {(unit.base, unit.name): unit_part(unit, part) for unit in units}
    return {key: value for key, value in known.items() if value is not None}


def _difference(
    one: Mapping[tuple[str, str], float], other: Mapping[tuple[str, str], float]
) -> Difference | None:
    both = sorted(one.keys() & other.keys())
    if not both:
        return None
    mine, theirs = (np.array([side[key] for key in both]) for side in (one, other))
    truths = [truth for _, truth in both]
    interval = paired_interval(mine, theirs, truths)
    return Difference(
        mean=float(np.mean(mine - theirs)),
        n=len(both),
        low=interval.low if interval else None,
        high=interval.high if interval else None,
        p=sign_flip_p(_sum_by_truth(mine - theirs, truths)),
        mcnemar=_mcnemar(mine, theirs, truths),
    )


def _sum_by_truth(values: NDArray[np.float64], truths: Sequence[str]) -> NDArray[np.float64]:
    """The sum of each truth's values: they hang together, so one sign is drawn for all."""
    names = np.array(truths)
    return np.array([values[names == name].sum() for name in dict.fromkeys(truths)])


def _mcnemar(
    one: NDArray[np.float64], other: NDArray[np.float64], truths: Sequence[str]
) -> float | None:
    whole = bool(np.isin([one, other], (0, 1)).all())
    if not whole or len(set(truths)) < len(truths):
        return None
    return mcnemar_p([bool(hit) for hit in one], [bool(hit) for hit in other])


TIE_ALPHA = 0.05

_TIE_PARTS = (("named", "named_reciprocal_rank"), ("top1", "reciprocal_rank"), ("top1",))

UnitScores = Mapping[tuple[str, str], float]
"""Base and truth → what a method scored on it."""


def tie_groups(methods: Mapping[str, Sequence[Unit]]) -> dict[str, str]:
    """Letters for methods: the leader and all that are not told apart from it, then the rest.

    A unit scores the mean of ``named`` and ``named_reciprocal_rank`` (of a grader without them: of
    top-1 and reciprocal rank), so that near misses count. The best is compared with each other
    method on the units of both, by random signs, with Holm's correction; those left over are
    grouped in the same way. A method that nothing is known of has no letter.

    Args:
        methods: method → its units.
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
    """The first and those that it is not told apart from."""
    leader, *others = left
    ps = holm([_paired_p(scores[leader], scores[other]) for other in others])
    return {leader} | {other for other, p in zip(others, ps, strict=True) if p > TIE_ALPHA}


def _paired_p(one: UnitScores, other: UnitScores) -> float:
    differences = [one[unit] - other[unit] for unit in sorted(one.keys() & other.keys())]
    p = sign_flip_p(np.array(differences, dtype=np.float64))
    return 1.0 if p is None else p
