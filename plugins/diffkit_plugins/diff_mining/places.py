"""Where the probability of each token rose most."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor


@dataclass(frozen=True)
class Place:
    """Where a token was predicted in a text."""

    text: int
    """The text's number in the suite."""
    position: int
    """The place of the predicted token in its text, from 0; the text's length is just behind it."""


@dataclass
class Places:
    """The largest rise of each token's probability, p - q, and where it was."""

    rise: Float[Tensor, " vocabulary"]
    """0 where none rose."""
    text: Int[Tensor, " vocabulary"]
    position: Int[Tensor, " vocabulary"]

    @classmethod
    def empty(cls, vocabulary: int, device: torch.device) -> "Places":
        """Of no texts."""
        where = torch.zeros(2, vocabulary, dtype=torch.long, device=device)
        return cls(torch.zeros(vocabulary, device=device), *where.unbind())

    def add(self, rises: Float[Tensor, "positions vocabulary"], text: int, first: int) -> None:
        """Takes in consecutive positions of one text.

        Args:
            rises: rises of probability.
            text: the text's number.
            first: the place of the token that the first of the positions predicts.
        """
        best = rises.max(dim=0)
        higher = best.values > self.rise
        self.rise = torch.where(higher, best.values, self.rise)
        self.text = torch.where(higher, text, self.text)
        self.position = torch.where(higher, best.indices + first, self.position)

    def of(self, token: int) -> Place | None:
        """Where a token rose most; none where it rose nowhere."""
        if self.rise[token] <= 0:
            return None
        return Place(int(self.text[token]), int(self.position[token]))
