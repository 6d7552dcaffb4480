"""Directions of the residual stream that are put to a causal test."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from diffkit import Model, UserError
from diffkit_plugins.activation_lens.shift import Shift


@dataclass(frozen=True)
class Direction:
    """A direction after one block, and how long the base's residual stream is there."""

    name: str
    """The slot whose mean difference it is, or what else it is."""
    layer: int
    """The block's number, from 0."""
    unit: Float[Tensor, " hidden"]
    """Of norm 1, float64."""
    norm: float
    """Mean norm of the base's residual stream."""

    @classmethod
    def of(cls, shift: Shift) -> "Direction":
        """The mean difference's.

        Args:
            shift: the difference; not zero.
        """
        return cls(shift.name, shift.layer, shift.mean / shift.mean.norm(), shift.base_norm)

    def random(self, generator: torch.Generator) -> "Direction":
        """A random one in the same place, equally likely to point anywhere."""
        drawn = torch.randn(len(self.unit), generator=generator, dtype=torch.float64)
        return Direction("random", self.layer, drawn / drawn.norm(), self.norm)

    def vector(self, strength: float, side: Model) -> Float[Tensor, " hidden"]:
        """What is added at a strength, on the side's device and in its number format.

        Args:
            strength: length, in multiples of the base's typical norm.
            side: whose stream it is added to.
        """
        return (strength * self.norm * self.unit).to(side.device, side.dtype)


def tested(side: Model, shifts: Sequence[Shift], slots: Sequence[str]) -> tuple[Direction, ...]:
    """The mean differences of some slots, in each layer but the last where they moved.

    After the last block nothing is left to cause but the logits, and the logit lens says which.

    Args:
        side: either side.
        shifts: of all slots and layers.
        slots: names of the slots, with a minus sign or a hyphen.

    Raises:
        UserError: none of these slots was read.
    """
    names = [slot.replace("-", "−") for slot in slots]
    found = [shift for shift in shifts if shift.name in names]
    if not found:
        read = ", ".join(dict.fromkeys(shift.name for shift in shifts))
        what = f"No slot of 'tested' was read, not {', '.join(slots)}."
        raise UserError(what, cure=f"Take some of these: {read}.")
    below = [shift for shift in found if shift.layer < side.layers - 1]
    return tuple(Direction.of(shift) for shift in below if shift.relative)
