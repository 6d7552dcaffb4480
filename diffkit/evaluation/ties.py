"""Which methods a test does not tell apart."""

from collections.abc import Mapping, Sequence
from statistics import fmean
from string import ascii_lowercase

import numpy as np

from diffkit.evaluation.graded import Unit
from diffkit.evaluation.measures import part_of
from diffkit.statistics import holm, sign_flip_p

ALPHA = 0.05
_PARTS = (("named", "named_reciprocal_rank"), ("top1", "reciprocal_rank"), ("top1",))

Scores = Mapping[tuple[str, str], float]
"""Base and truth → what a method scored on it."""


def groups(methods: Mapping[str, Sequence[Unit]]) -> dict[str, str]:
    """Letters for methods: the leader and all that are not told apart from it, then the rest.

    A unit scores the mean of ``named`` and ``named_reciprocal_rank`` (of a grader without them: of
    top-1 and reciprocal rank), so that near misses count. The best is compared with each other
    method on the units of both, by random signs, with Holm's correction; those left over are
    grouped in the same way. A method that nothing is known of has no letter.

    Args:
        methods: method → its units.
    """
    scores = _scores(methods)
    left = sorted((name for name in scores if scores[name]), key=lambda n: (-_mean(scores[n]), n))
    letters = dict.fromkeys(methods, "")
    index = 0
    while left:
        tied = _tied(left, scores)
        letters |= dict.fromkeys(tied, ascii_lowercase[index % 26] * (1 + index // 26))
        left = [name for name in left if name not in tied]
        index += 1
    return letters


def _scores(methods: Mapping[str, Sequence[Unit]]) -> dict[str, Scores]:
    everything = [unit for units in methods.values() for unit in units]
    graded = [unit for unit in everything if part_of(unit, "top1") is not None]
    parts = next(
        parts
        for parts in _PARTS
        if all(part_of(unit, part) is not None for unit in graded for part in parts)
    )
    return {
        name: {(u.base, u.name): fmean(part_of(u, part) or 0 for part in parts) for u in units}
        for name, units in (
            (name, [unit for unit in units if part_of(unit, "top1") is not None])
            for name, units in methods.items()
        )
    }


def _mean(scores: Scores) -> float:
    return fmean(scores.values())


def _tied(left: Sequence[str], scores: Mapping[str, Scores]) -> set[str]:
    """The first and those that it is not told apart from."""
    leader, *others = left
    ps = holm([_p(scores[leader], scores[other]) for other in others])
    return {leader} | {other for other, p in zip(others, ps, strict=True) if p > ALPHA}


def _p(one: Scores, other: Scores) -> float:
    differences = [one[unit] - other[unit] for unit in sorted(one.keys() & other.keys())]
    p = sign_flip_p(np.array(differences, dtype=np.float64))
    return 1.0 if p is None else p
