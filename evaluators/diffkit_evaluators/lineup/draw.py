"""Which truths stand in a lineup together."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

SIZE = 8
"""Texts in a lineup, where there are as many truths."""
SIBLINGS = 2
"""How many of them are the truth's nearest."""
PRESENT = 3
"""Lineups in which the truth stands."""


@dataclass(frozen=True)
class Lineups:
    """The lineups of one truth, as indices of statements."""

    present: tuple[tuple[int, ...], ...]
    """Who stands beside the truth, lineup by lineup."""
    absent: tuple[int, ...]
    """Who stands there without it."""


def draw(truth: int, handles: Sequence[str], likeness: Float[np.ndarray, " statements"]) -> Lineups:
    """The lineups of a truth: its nearest siblings, and others drawn by handles alone.

    Args:
        truth: index of the truth.
        handles: of all statements, sorted.
        likeness: of all statements to the truth.
    """
    others = [index for index in range(len(handles)) if index != truth]
    others.sort(key=lambda index: -float(likeness[index].round(9)))
    near, far = others[:SIBLINGS], sorted(others[SIBLINGS:])
    seed = " ".join((handles[truth], *handles))
    rng = random.Random(seed)  # noqa: S311 - a reproducible draw

    def some(count: int) -> tuple[int, ...]:
        rng.shuffle(far)
        return (*near, *far)[:count]

    size = min(SIZE, len(handles))
    present = tuple(some(size - 1) for _ in range(PRESENT))
    return Lineups(present, some(size))
