"""What one row has over another, on the truths of both."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from diffkit.evaluation.graded import Unit
from diffkit.evaluation.measures import part_of
from diffkit.evaluation.quantities import Difference
from diffkit.evaluation.record import Arm
from diffkit.statistics import mcnemar_p, paired_interval, sign_flip_p

PARTS = ("top1", "named")
"""Parts of grades that are compared; ``top1`` is the score of a grader that names no parts."""
_OTHERS: Mapping[Arm, tuple[Arm, ...]] = {
    "method": ("evidence-swap", "blackbox"),
    "combined": ("blackbox",),
}
"""Main arm → arms that show what its findings add."""

Members = Mapping[tuple[str, Arm], Sequence[Unit]]
"""Method and arm → its organisms' units."""


def above(members: Members, method: str, arm: Arm) -> dict[Arm, dict[str, Difference]]:
    """What a row has over the same reader without its findings, by arm and part."""
    found = {
        other: differences(members[method, arm], members[method, other])
        for other in _OTHERS.get(arm, ())
        if (method, other) in members
    }
    return {other: parts for other, parts in found.items() if parts}


def against(
    members: Members, method: str, others: Sequence[str]
) -> dict[str, dict[str, Difference]]:
    """What a method has over each of ``others``, by method and part."""
    mine = members[method, "method"]
    found = {other: differences(mine, members[other, "method"]) for other in others}
    return {other: parts for other, parts in found.items() if parts}


def differences(one: Sequence[Unit], other: Sequence[Unit]) -> dict[str, Difference]:
    """What ``one`` has over ``other``, by part; parts that either lacks are left out."""
    found = {part: _difference(_values(one, part), _values(other, part)) for part in PARTS}
    return {part: difference for part, difference in found.items() if difference}


def _values(units: Sequence[Unit], part: str) -> dict[tuple[str, str], float]:
    """Base and truth → the part."""
    known = {(unit.base, unit.name): part_of(unit, part) for unit in units}
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
        p=sign_flip_p(_by_truth(mine - theirs, truths)),
        mcnemar=_mcnemar(mine, theirs, truths),
    )


def _by_truth(values: NDArray[np.float64], truths: Sequence[str]) -> NDArray[np.float64]:
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
