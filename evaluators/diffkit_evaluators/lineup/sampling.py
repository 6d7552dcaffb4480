"""Draws which truths stand in a lineup together."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

LINEUP_SIZE = 8
"""Number of texts in a lineup, if there are as many truths."""

SIBLINGS = 2
"""Number of them that are the most similar to the truth."""

LINEUPS_WITH_TRUTH = 3
"""Number of lineups that contain the truth."""


@dataclass(frozen=True)
class TruthLineups:
    """The lineups of one truth, as indices of statements."""

    present: tuple[tuple[int, ...], ...]
    """The other statements of each lineup with the truth."""
    absent: tuple[int, ...]
    """The statements of the lineup without it."""


def sample_lineups(
    truth: int, handles: Sequence[str], similarity: Float[np.ndarray, " statements"]
) -> TruthLineups:
    """The lineups of a truth: its most similar statements, and others drawn by handles alone.

    Args:
        truth: index of the truth.
        handles: of all statements, sorted.
        similarity: of all statements to the truth.
    """
    others = [index for index in range(len(handles)) if index != truth]
    others.sort(key=lambda index: -float(similarity[index].round(9)))
    near, far = others[:SIBLINGS], sorted(others[SIBLINGS:])
    seed = " ".join((handles[truth], *handles))
    rng = random.Random(seed)  # noqa: S311 - a reproducible draw

    def some(count: int) -> tuple[int, ...]:
        rng.shuffle(far)
        return (*near, *far)[:count]

    size = min(LINEUP_SIZE, len(handles))
    present = tuple(some(size - 1) for _ in range(LINEUPS_WITH_TRUTH))
    return TruthLineups(present, some(size))
