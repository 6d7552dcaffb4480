"""Means per position whose standard errors know that positions of one text go together."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor


@dataclass
class Means:
    """A mean per position of each token, from sums over whole texts; float64.

    The mean is a ratio of two sums over texts, and its standard error the linearised one of such a
    ratio (Cochran, *Sampling Techniques*, 1977, 6.3): the text is the unit, not the position.
    """

    total: Float[Tensor, " vocabulary"]
    """Sum over texts."""
    squares: Float[Tensor, " vocabulary"]
    """Sum of the texts' squared sums."""
    crossed: Float[Tensor, " vocabulary"]
    """Sum of the texts' sums times their lengths."""
    texts: int = 0
    positions: int = 0
    squared_lengths: int = 0
    """Sum of the squared numbers of positions."""

    @classmethod
    def empty(cls, vocabulary: int, device: torch.device) -> "Means":
        """Of no texts."""
        zeros = torch.zeros(3, vocabulary, dtype=torch.float64, device=device)
        return cls(total=zeros[0], squares=zeros[1], crossed=zeros[2])

    def add(self, sums: Float[Tensor, " vocabulary"], length: int) -> None:
        """Takes in one text.

        Args:
            sums: sums over its positions.
            length: how many positions it has, at least one.
        """
        self.total += sums
        self.squares += sums.square()
        self.crossed += sums * length
        self.texts += 1
        self.positions += length
        self.squared_lengths += length**2

    @property
    def mean(self) -> Float[Tensor, " vocabulary"]:
        """Mean per position; NaN where there are none."""
        return self.total / (self.positions or torch.nan)

    @property
    def standard_error(self) -> Float[Tensor, " vocabulary"]:
        """Standard error of the mean over texts; NaN for fewer than two."""
        mean, freedom = self.mean, self.texts - 1
        residual = self.squares - 2 * mean * self.crossed + mean.square() * self.squared_lengths
        scale = self.texts / freedom if freedom > 0 else torch.nan
        return (residual.clamp(min=0) * scale).sqrt() / (self.positions or torch.nan)
