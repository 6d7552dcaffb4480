"""The mean difference of the residual stream in each layer and slot, and its direction.

Takes the statistics of a run. Gives mean shifts with standard errors, the directions that
are tested causally, and the artifact that holds the vectors.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from diffkit import Artifacts, Model, Note, UserError
from diffkit.maths import VectorMoments
from diffkit_plugins.activation_lens.measure import ActivationStatistics
from diffkit_plugins.activation_lens.slots import Slot

_NO_NOISE = 1e8
"""A signal above this is a difference that is the same in every text, but for rounding."""


@dataclass(frozen=True)
class MeanShift:
    """The mean difference finetuned − base in one place, over the texts that reach it."""

    layer: int
    """The block's number, from 0."""
    slot: Slot
    """Where in the texts."""
    texts: int
    """How many texts reach it."""
    mean: Float[Tensor, " hidden"]
    """The mean difference, float64."""
    error: Float[Tensor, " hidden"]
    """The standard error of each of its coordinates, texts taken as independent."""
    base: Float[Tensor, " hidden"]
    """The base's own mean."""
    base_norm: float
    """Mean norm of the base's residual stream at a token."""
    finetuned_norm: float
    """Mean norm of the finetuned side's."""
    without: Float[Tensor, "folds hidden"]
    """The mean difference without the texts of one fold."""
    sizes: Float[Tensor, " folds"]
    """Texts in each of these folds."""

    @property
    def name(self) -> str:
        """The slot's name."""
        return self.slot.name

    @property
    def relative(self) -> float:
        """‖mean difference‖ / mean ‖base‖."""
        return float(self.mean.norm()) / self.base_norm if self.base_norm else 0.0

    @property
    def signal(self) -> float | None:
        """‖mean difference‖² against what chance between texts alone would give on average, 1.

        None where the difference is the same in every text, so that there is no chance.
        """
        size, noise = float(self.mean.square().sum()), float(self.error.square().sum())
        return size / noise if size < noise * _NO_NOISE else None


def mean_shifts(found: ActivationStatistics, min_texts: int) -> Iterator[MeanShift]:
    """Layer by layer, the slots in their order.

    Args:
        found: the scan.
        min_texts: slots that fewer texts reach are left out.
    """
    whole = VectorMoments.merged(found.differences)
    reached = (whole.count >= min_texts).nonzero()[:, 0].tolist()
    for place in range(len(found.plan.layers)):
        for slot in reached:
            yield _mean_shift(found, whole, place, slot)


def _mean_shift(
    found: ActivationStatistics, whole: VectorMoments, place: int, slot: int
) -> MeanShift:
    texts = whole.count[slot]
    base_norm, finetuned_norm = found.norms.mean[slot, place].tolist()
    sizes = torch.stack([fold.count[slot] for fold in found.differences])
    means = torch.stack([fold.mean[slot, place] for fold in found.differences])
    used = (sizes > 0) & (sizes < texts)
    sizes, rest = sizes[used], (texts - sizes[used])[:, None]
    mean = whole.mean[slot, place]
    return MeanShift(
        layer=found.plan.layers[place],
        slot=found.plan.slots[slot],
        texts=int(texts),
        mean=mean,
        error=whole.standard_error[slot, place],
        base=found.base.mean[slot, place],
        base_norm=base_norm,
        finetuned_norm=finetuned_norm,
        without=(texts * mean - sizes[:, None] * means[used]) / rest,
        sizes=sizes,
    )


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
    def of(cls, shift: MeanShift) -> "Direction":
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


def tested_directions(
    side: Model, shifts: Sequence[MeanShift], slots: Sequence[str]
) -> tuple[Direction, ...]:
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
        raise UserError(what, hint=f"Take some of these: {read}.")
    below = [shift for shift in found if shift.layer < side.layers - 1]
    return tuple(Direction.of(shift) for shift in below if shift.relative)


_NAMES = ("difference", "standard_error", "base")


def save_mean_shifts(found: Sequence[MeanShift], artifacts: Artifacts) -> Note:
    """Writes three vectors for each layer and slot, and says where they are."""
    tensors = {
        f"{shift.layer}/{shift.name}/{name}": vector.float()
        for shift in found
        for name, vector in zip(_NAMES, (shift.mean, shift.error, shift.base), strict=True)
    }
    name = artifacts.save("mean_differences", tensors)
    names = ", ".join(_NAMES)
    example = f"{found[0].layer}/{found[0].name}/{_NAMES[0]}"
    size = f"[{found[0].mean.numel()}] in float32"
    return Note(text=f"{name} holds {names} by layer and slot, each {size}, such as {example!r}.")
