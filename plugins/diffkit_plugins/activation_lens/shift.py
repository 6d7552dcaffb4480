"""How far, and where to, the mean residual stream moved at one layer and slot."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from diffkit.maths import VectorMoments
from diffkit_plugins.activation_lens.scan import Scan
from diffkit_plugins.activation_lens.slot import Slot

_NO_NOISE = 1e8
"""A signal above this is a difference that is the same in every text, but for rounding."""


@dataclass(frozen=True)
class Shift:
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


def shifts(found: Scan, min_texts: int) -> Iterator[Shift]:
    """Layer by layer, the slots in their order.

    Args:
        found: the scan.
        min_texts: slots that fewer texts reach are left out.
    """
    whole = VectorMoments.merged(found.differences)
    reached = (whole.count >= min_texts).nonzero()[:, 0].tolist()
    for place in range(len(found.plan.layers)):
        for slot in reached:
            yield _shift(found, whole, place, slot)


def _shift(found: Scan, whole: VectorMoments, place: int, slot: int) -> Shift:
    texts = whole.count[slot]
    base_norm, finetuned_norm = found.norms.mean[slot, place].tolist()
    sizes = torch.stack([fold.count[slot] for fold in found.differences])
    means = torch.stack([fold.mean[slot, place] for fold in found.differences])
    used = (sizes > 0) & (sizes < texts)
    sizes, rest = sizes[used], (texts - sizes[used])[:, None]
    mean = whole.mean[slot, place]
    return Shift(
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
