"""Where the slots are in each text of a batch."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from diffkit import Inputs
from diffkit_plugins.activation_lens.slot import Slot

_NOWHERE = -(10**9)


@dataclass(frozen=True)
class Places:
    """Where to find each slot in each text, wherever padding went."""

    mask: Bool[Tensor, "texts seq"]
    """True at real tokens."""
    columns: Int[Tensor, "texts slots"]
    """Column of each slot's token; any where the text does not reach it."""
    present: Bool[Tensor, "texts slots"]
    """Whether the text has the slot."""
    whole: tuple[int, ...]
    """Numbers of the slots that stand for all tokens."""

    @classmethod
    def of(cls, inputs: Inputs, slots: Sequence[Slot], starts: Sequence[int | None]) -> "Places":
        """Finds the slots.

        Args:
            inputs: the batch.
            slots: what is looked for.
            starts: number of the first token of each text's first answer, where it has one.
        """
        lengths, first = inputs.mask.sum(dim=1), inputs.mask.int().argmax(dim=1)
        origins = {
            "first": torch.zeros_like(lengths),
            "last": lengths - 1,
            "answer": torch.tensor([_NOWHERE if start is None else start for start in starts]),
            "all": torch.zeros_like(lengths),
        }
        numbers = torch.stack([origins[slot.anchor] + slot.offset for slot in slots], dim=1)
        present = (numbers >= 0) & (numbers < lengths[:, None])
        columns = torch.where(present, first[:, None] + numbers, 0)
        whole = tuple(number for number, slot in enumerate(slots) if slot.anchor == "all")
        return cls(inputs.mask, columns, present, whole)

    def take(
        self, stream: Float[Tensor, "layers texts seq width"]
    ) -> Float[Tensor, "texts slots layers width"]:
        """The stream in each slot, float64; where all tokens are meant, their mean."""
        mask, columns = self.mask.to(stream.device), self.columns.to(stream.device)
        texts = torch.arange(len(mask), device=stream.device)[:, None]
        taken = stream[:, texts, columns].double()
        if self.whole:
            real = torch.where(mask[..., None], stream, 0)  # padding may be anything, NaN too
            total = real.sum(dim=2, dtype=torch.float64)
            taken[:, :, self.whole] = (total / mask.sum(dim=1).clamp(min=1)[:, None])[:, :, None]
        return taken.permute(1, 2, 0, 3).cpu()
