"""What one side's residual stream is at each position that is looked at, text by text."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from diffkit import Inputs, Model


@dataclass(frozen=True)
class Slots:
    """Where in each text of a batch the slots are: the first positions, then all tokens."""

    mask: Bool[Tensor, "texts seq"]
    """True at real tokens."""
    places: Int[Tensor, "texts positions"]
    """Column of each position's token; any where the text does not reach it."""
    present: Bool[Tensor, "texts slots"]
    """Whether the text has the position; last, whether it has any token."""

    @classmethod
    def of(cls, inputs: Inputs, positions: int) -> "Slots":
        """The first ``positions`` real tokens and all of them, wherever padding went."""
        numbers = torch.arange(positions)[None, :, None]
        hits = (inputs.positions[:, None] == numbers) & inputs.mask[:, None]
        present = torch.cat([hits.any(dim=-1), inputs.mask.any(dim=1, keepdim=True)], dim=1)
        return cls(inputs.mask, hits.long().argmax(dim=-1), present)

    def take(
        self, stream: Float[Tensor, "layers texts seq width"]
    ) -> Float[Tensor, "texts slots layers width"]:
        """The stream at each position, and last its mean over the text's tokens; float64."""
        mask, places = self.mask.to(stream.device), self.places.to(stream.device)
        texts = torch.arange(len(mask), device=stream.device)[:, None]
        each = stream[:, texts, places].double()
        real = torch.where(mask[..., None], stream, 0)  # padding may be anything, NaN too
        total = real.sum(dim=2, keepdim=True, dtype=torch.float64)
        mean = total / mask.sum(dim=1).clamp(min=1)[:, None, None]
        return torch.cat([each, mean], dim=2).permute(1, 2, 0, 3).cpu()


@dataclass(frozen=True)
class Reading:
    """One side's batch, reduced to what is kept of it."""

    values: Float[Tensor, "texts slots layers hidden"]
    """The residual stream, float64."""
    norms: Float[Tensor, "texts slots layers"]
    """The Euclidean norm of a token's residual stream, float64."""


def read(side: Model, inputs: Inputs, layers: Sequence[int], slots: Slots) -> Reading:
    """Reads a batch with one side, all layers in one pass.

    Args:
        side: the model.
        inputs: the batch.
        layers: numbers of the blocks after which the stream is read.
        slots: where the batch's positions are.
    """
    stream = side.resid(inputs, layers)
    norms = torch.linalg.vector_norm(stream, dim=-1, keepdim=True, dtype=torch.float32)
    return Reading(slots.take(stream), slots.take(norms)[..., 0])
