"""How much of what a prefix is to do it does."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True)
class Gap:
    """Between the loss without a prefix and the least that is known to be possible."""

    empty: float
    """Mean loss without a prefix."""
    floor: float
    """Mean of the floors."""

    @classmethod
    def of(cls, empty: Float[Tensor, " items"], floors: Float[Tensor, " items"]) -> "Gap":
        """From the losses and floors of the same items; at least one."""
        return cls(float(empty.double().mean()), float(floors.double().mean()))

    def closed(self, loss: float) -> float:
        """The share of the gap that a prefix of this mean loss closes: 1 at the floor.

        It is below 0 for a prefix that does worse than none, and 0 where there is no gap.
        """
        gap = self.empty - self.floor
        return (self.empty - loss) / gap if gap > 0 else 0.0
