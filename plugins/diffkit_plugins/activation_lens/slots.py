"""Slots: the token positions of a text that are compared, and where they are in a batch.

Takes slot names or options, and a tokenised batch. Gives the positions of each slot.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from diffkit import Inputs
from diffkit_plugins.activation_lens.config import ActivationLensConfig

_NAME = re.compile(r"(?P<first>\d{1,6})|last(?P<last>-\d{1,6})?|answer(?P<answer>[+-]\d{1,6})|all")


@dataclass(frozen=True)
class Slot:
    """A token of every text that is long enough, or all of a text's tokens together."""

    anchor: Literal["first", "last", "answer", "all"]
    """What is counted from: a text's first token that is read, its last, or the first token of
    the content of a chat's first answer."""
    offset: int = 0
    """Tokens after it; negative ones before it."""

    @property
    def name(self) -> str:
        """Such as ``0``, ``last``, ``last−1``, ``answer+0`` and ``all``."""
        match self.anchor:
            case "first":
                return str(self.offset)
            case "answer":
                return f"answer{self.offset:+d}".replace("-", "−")
            case _:
                return f"{self.anchor}{self.offset or ''}".replace("-", "−")

    @classmethod
    def named(cls, name: str) -> "Slot | None":
        """The slot of a name, with a minus sign or a hyphen; none where it is no such name."""
        found = _NAME.fullmatch(name.strip().replace("−", "-"))
        if found is None:
            return None
        for anchor in ("first", "last", "answer"):
            if found[anchor] is not None:
                return cls(anchor, int(found[anchor]))
        return cls("all" if found[0] == "all" else "last")


def configured_slots(config: ActivationLensConfig) -> tuple[Slot, ...]:
    """The slots of a run: from the first token on, back from the last, around the answer, all."""
    around = () if config.answer is None else range(-config.answer, config.answer + 1)
    return (
        *(Slot("first", number) for number in range(config.positions)),
        *(Slot("last", -number) for number in range(config.last)),
        *(Slot("answer", number) for number in around),
        Slot("all"),
    )


_NOWHERE = -(10**9)


@dataclass(frozen=True)
class SlotPositions:
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
    def of(
        cls, inputs: Inputs, slots: Sequence[Slot], starts: Sequence[int | None]
    ) -> "SlotPositions":
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
