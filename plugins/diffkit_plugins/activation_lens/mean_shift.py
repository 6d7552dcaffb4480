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
"""Above this signal the difference is the same in every text, up to rounding."""
_VECTORS = ("difference", "standard_error", "base")
"""Names of the vectors that are saved for each layer and slot."""


@dataclass(frozen=True)
class MeanShift:
    """The mean difference finetuned − base in one layer and slot, over the texts that reach it."""

    layer: int
    """The block's number, from 0."""
    slot: Slot
    """The token position in the texts."""
    texts: int
    """Number of texts that reach it."""
    mean: Float[Tensor, " hidden"]
    """The mean difference, float64."""
    error: Float[Tensor, " hidden"]
    """Standard error of each coordinate, with texts as independent samples."""
    base: Float[Tensor, " hidden"]
    """Mean residual stream of the base."""
    base_norm: float
    """Mean norm of the base's residual stream at a token."""
    finetuned_norm: float
    """Mean norm of the finetuned side's residual stream at a token."""
    leave_one_out: Float[Tensor, "folds hidden"]
    """Mean difference over all texts except those of one fold."""
    fold_sizes: Float[Tensor, " folds"]
    """Number of texts in each fold."""

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
        """‖mean difference‖² over its expectation if texts differed by chance alone.

        None if the difference is the same in every text, so that there is no variance.
        """
        size, noise = float(self.mean.square().sum()), float(self.error.square().sum())
        return size / noise if size < noise * _NO_NOISE else None


def mean_shifts(statistics: ActivationStatistics, min_texts: int) -> Iterator[MeanShift]:
    """Yields the mean shifts layer by layer, with slots in their order.

    Args:
        statistics: the statistics of a run.
        min_texts: slots that fewer texts reach are left out.
    """
    merged = VectorMoments.merged(statistics.differences)
    reached = (merged.count >= min_texts).nonzero()[:, 0].tolist()
    for layer in range(len(statistics.plan.layers)):
        for slot in reached:
            yield _mean_shift(statistics, merged, layer, slot)


def _mean_shift(
    statistics: ActivationStatistics, merged: VectorMoments, layer: int, slot: int
) -> MeanShift:
    texts = merged.count[slot]
    base_norm, finetuned_norm = statistics.norms.mean[slot, layer].tolist()
    sizes = torch.stack([fold.count[slot] for fold in statistics.differences])
    means = torch.stack([fold.mean[slot, layer] for fold in statistics.differences])
    used = (sizes > 0) & (sizes < texts)
    sizes, rest = sizes[used], (texts - sizes[used])[:, None]
    mean = merged.mean[slot, layer]
    return MeanShift(
        layer=statistics.plan.layers[layer],
        slot=statistics.plan.slots[slot],
        texts=int(texts),
        mean=mean,
        error=merged.standard_error[slot, layer],
        base=statistics.base.mean[slot, layer],
        base_norm=base_norm,
        finetuned_norm=finetuned_norm,
        leave_one_out=(texts * mean - sizes[:, None] * means[used]) / rest,
        fold_sizes=sizes,
    )


@dataclass(frozen=True)
class Direction:
    """A unit vector of the residual stream after one block, and the stream's typical norm there."""

    name: str
    """The slot whose mean difference it is, or ``random``."""
    layer: int
    """The block's number, from 0."""
    unit: Float[Tensor, " hidden"]
    """The vector of norm 1, in float64."""
    norm: float
    """Mean norm of the base's residual stream."""

    @classmethod
    def of(cls, shift: MeanShift) -> "Direction":
        """The direction of a mean difference.

        Args:
            shift: the difference, which must not be zero.
        """
        return cls(shift.name, shift.layer, shift.mean / shift.mean.norm(), shift.base_norm)

    def random(self, generator: torch.Generator) -> "Direction":
        """A uniformly random direction after the same block."""
        drawn = torch.randn(len(self.unit), generator=generator, dtype=torch.float64)
        return Direction("random", self.layer, drawn / drawn.norm(), self.norm)

    def vector(self, strength: float, side: Model) -> Float[Tensor, " hidden"]:
        """The vector to add at a strength, with the side's device and dtype.

        Args:
            strength: length, in multiples of the base's typical norm.
            side: the model to whose stream it is added.
        """
        return (strength * self.norm * self.unit).to(side.device, side.dtype)


def tested_directions(
    side: Model, shifts: Sequence[MeanShift], slots: Sequence[str]
) -> tuple[Direction, ...]:
    """The directions of the mean differences of some slots, in every layer but the last.

    Differences of zero have no direction. After the last block a difference can only change the
    logits, which the logit lens shows.

    Args:
        side: either side.
        shifts: mean shifts of all slots and layers.
        slots: names of the slots, with a minus sign or a hyphen.

    Raises:
        UserError: none of these slots was read.
    """
    names = [slot.replace("-", "−") for slot in slots]
    matching = [shift for shift in shifts if shift.name in names]
    if not matching:
        read = ", ".join(dict.fromkeys(shift.name for shift in shifts))
        what = f"No slot of 'tested' was read, not {', '.join(slots)}."
        raise UserError(what, hint=f"Take some of these: {read}.")
    below = [shift for shift in matching if shift.layer < side.layers - 1]
    return tuple(Direction.of(shift) for shift in below if shift.relative)


def save_mean_shifts(shifts: Sequence[MeanShift], artifacts: Artifacts) -> Note:
    """Writes three vectors for each layer and slot; the note names the file."""
    tensors = {
        f"{shift.layer}/{shift.name}/{name}": vector.float()
        for shift in shifts
        for name, vector in zip(_VECTORS, (shift.mean, shift.error, shift.base), strict=True)
    }
    name = artifacts.save("mean_differences", tensors)
    names = ", ".join(_VECTORS)
    example = f"{shifts[0].layer}/{shifts[0].name}/{_VECTORS[0]}"
    size = f"[{shifts[0].mean.numel()}] in float32"
    return Note(text=f"{name} holds {names} by layer and slot, each {size}, such as {example!r}.")
