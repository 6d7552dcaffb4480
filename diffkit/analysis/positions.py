"""Positions that count, by their labels, and how many were left out."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from jaxtyping import Bool
from torch import Tensor

from diffkit.engine.positions.labels import PositionLabels
from diffkit.engine.positions.selection import SELECTED_LABELS, PositionLabel, PositionSelection


def selected_positions(
    labels: PositionLabels, selection: PositionSelection
) -> Bool[Tensor, "batch seq"]:
    """True at the positions that count; padding never does.

    Args:
        labels: the batch's labels. A method that compares predictions takes
            `PositionLabels.predicted`: a position counts if the token that is predicted there does.
        selection: which labels count.
    """
    return labels.mask(*SELECTED_LABELS[selection])


@dataclass(frozen=True)
class PositionCounts:
    """How many positions with each label were read, of all batches so far."""

    counts: Mapping[PositionLabel, int] = field(default_factory=dict)

    def add(self, labels: PositionLabels) -> "PositionCounts":
        """The counts with another batch."""
        return PositionCounts(Counter(self.counts) + Counter(labels.counts))

    @property
    def total(self) -> int:
        """The number of positions."""
        return sum(self.counts.values())

    def describe(self, selection: PositionSelection) -> str:
        """One sentence for a note.

        For example ``Template positions: 780 of 1,519, left out.``; it names each label that was
        left out, and the template where it counts.
        """
        kept = SELECTED_LABELS[selection]
        left = [f"{one} positions: {n:,}" for one, n in self.counts.items() if one not in kept]
        if left:
            return f"{', '.join(left)} of {self.total:,}, left out.".capitalize()
        number = self.counts.get("template", 0)
        return f"Template positions: {number:,} of {self.total:,}, counted like all others."
