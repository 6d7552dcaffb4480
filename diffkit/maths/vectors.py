"""Mean and spread of vectors that come in batches, some of them missing, and are not kept."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce

import torch
from jaxtyping import Bool, Float
from torch import Tensor


@dataclass(frozen=True)
class VectorMoments:
    """Count, mean and spread of each slot's values; float64, merged as by Chan and others (1979).

    A slot is a place that not every sample reaches, such as a position in a text.
    """

    count: Float[Tensor, " slots"]
    """Number of samples that reached each slot."""
    mean: Float[Tensor, "slots ..."]
    """Their mean; 0 where there are none."""
    squares: Float[Tensor, "slots ..."]
    """Sum of squared deviations from the mean, coordinate by coordinate."""

    @classmethod
    def empty(cls, slots: int, *shape: int) -> "VectorMoments":
        """Of no samples.

        Args:
            slots: how many slots there are.
            shape: the shape of a sample in one slot.
        """
        zeros = torch.zeros(slots, *shape, dtype=torch.float64)
        return cls(torch.zeros(slots, dtype=torch.float64), zeros, zeros.clone())

    @classmethod
    def merged(cls, parts: "Iterable[VectorMoments]") -> "VectorMoments":
        """Of the samples of all parts together."""
        return reduce(cls.merge, parts)

    def add(
        self, values: Float[Tensor, "samples slots ..."], present: Bool[Tensor, "samples slots"]
    ) -> "VectorMoments":
        """With more samples; the order of the batches matters only to rounding.

        Args:
            values: the samples; where ``present`` is false they may be anything, NaN too.
            present: which slots each sample reaches.
        """
        there = _fit(present, values)
        count = present.sum(dim=0).double()
        summed = torch.where(there, values.detach().double(), 0.0).sum(dim=0)
        mean = summed / _fit(count, summed).clamp(min=1)
        squares = torch.where(there, values - mean, 0.0).square().sum(dim=0)
        return self.merge(VectorMoments(count, mean, squares))

    def merge(self, other: "VectorMoments") -> "VectorMoments":
        """Of both sets of samples together."""
        count = self.count + other.count
        share = _fit(other.count / count.clamp(min=1), self.mean)
        step = other.mean - self.mean
        between = step.square() * share * _fit(self.count, step)
        return VectorMoments(
            count, self.mean + step * share, self.squares + other.squares + between
        )

    @property
    def standard_error(self) -> Float[Tensor, "slots ..."]:
        """Standard error of each coordinate of the mean; NaN in slots of fewer than two samples.

        Samples are taken as independent.
        """
        freedom = torch.where(self.count > 1, self.count * (self.count - 1), torch.nan)
        return (self.squares / _fit(freedom, self.squares)).sqrt()


def _fit(each: Tensor, like: Tensor) -> Tensor:
    """``each`` with as many dimensions as ``like``, the missing ones last."""
    return each.reshape(*each.shape, *[1] * (like.ndim - each.ndim))
