"""What one text says of each token."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from diffkit_plugins.diff_mining.differences import Differences, Largest


@dataclass
class Sums:
    """Sums over the positions of one text; float64."""

    rise: Float[Tensor, " vocabulary"]
    """Differences where they are among a position's largest, in nats."""
    fall: Float[Tensor, " vocabulary"]
    """The same with the sides exchanged."""
    raised: Float[Tensor, " vocabulary"]
    """Positions at which the difference is among the largest, and above 0."""
    positive: Float[Tensor, " vocabulary"]
    """Positions at which the difference is above 0."""
    difference: Float[Tensor, " vocabulary"]
    """All differences, in nats."""
    p: Float[Tensor, " vocabulary"]
    """The finetuned side's probabilities."""
    q: Float[Tensor, " vocabulary"]
    """The base's."""

    @classmethod
    def empty(cls, vocabulary: int, device: torch.device) -> "Sums":
        """Of no positions."""
        return cls(*torch.zeros(7, vocabulary, dtype=torch.float64, device=device).unbind())

    def add(self, moved: Differences, best: Largest, worst: Largest) -> None:
        """Takes in some positions.

        Args:
            moved: both sides' predictions there.
            best: the largest differences.
            worst: the largest with the sides exchanged.
        """
        rises, falls = (found.spread(moved.d.shape[1]) for found in (best, worst))
        self.rise += rises.sum(dim=0)
        self.fall += falls.sum(dim=0)
        self.raised += (rises > 0).sum(dim=0)
        self.positive += (moved.d > 0).sum(dim=0)
        self.difference += moved.d.sum(dim=0)
        self.p += moved.p.sum(dim=0)
        self.q += moved.q.sum(dim=0)
