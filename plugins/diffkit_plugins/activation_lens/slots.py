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

_NO_ANSWER = -(10**9)
"""Index that stands for the first token of an answer where there is no answer."""
_NAME = re.compile(r"(?P<first>\d{1,6})|last(?P<last>-\d{1,6})?|answer(?P<answer>[+-]\d{1,6})|all")


@dataclass(frozen=True)
class Slot:
    """A token position of a text, or the mean over all of its tokens that count."""

    anchor: Literal["first", "last", "answer", "all"]
    """The token from which positions count: the first one of a text whose label is read, the last
    one, or the first token of a chat's first answer."""
    offset: int = 0
    """Tokens after the anchor; negative: before it."""

    @property
    def name(self) -> str:
        """For example ``0``, ``last``, ``last−1``, ``answer+0`` and ``all``."""
        match self.anchor:
            case "first":
                return str(self.offset)
            case "answer":
                return f"answer{self.offset:+d}".replace("-", "−")
            case _:
                return f"{self.anchor}{self.offset or ''}".replace("-", "−")

    @classmethod
    def named(cls, name: str) -> "Slot | None":
        """Parses a name, with a minus sign or a hyphen; None if it does not name a slot."""
        found = _NAME.fullmatch(name.strip().replace("−", "-"))
        if found is None:
            return None
        for anchor in ("first", "last", "answer"):
            if found[anchor] is not None:
                return cls(anchor, int(found[anchor]))
        return cls("all" if found[0] == "all" else "last")


def configured_slots(config: ActivationLensConfig) -> tuple[Slot, ...]:
    """The slots of a run: first tokens, last tokens, tokens around the answer, and the mean."""
    around = () if config.answer is None else range(-config.answer, config.answer + 1)
    return (
        *(Slot("first", number) for number in range(config.first)),
        *(Slot("last", -number) for number in range(config.last)),
        *(Slot("answer", number) for number in around),
        Slot("all"),
    )


@dataclass(frozen=True)
class SlotPositions:
    """The column of each slot in each text of a padded batch."""

    mask: Bool[Tensor, "texts seq"]
    """True at the tokens that count."""
    columns: Int[Tensor, "texts slots"]
    """Column of each slot's token; arbitrary where ``present`` is false."""
    present: Bool[Tensor, "texts slots"]
    """Whether the text has the slot."""
    averaged: tuple[int, ...]
    """Indices of the slots that average over all tokens."""

    @classmethod
    def of(
        cls,
        inputs: Inputs,
        slots: Sequence[Slot],
        starts: Sequence[int | None],
        counted: Bool[Tensor, "texts seq"],
    ) -> "SlotPositions":
        """Finds the slots.

        Args:
            inputs: the batch.
            slots: the slots to find.
            starts: index of the first token of each text's first answer, if it has one.
            counted: true at the tokens that count.
        """
        answers = torch.tensor([_NO_ANSWER if start is None else start for start in starts])
        found = [
            _slot_columns(slot, inputs.mask if slot.anchor == "answer" else counted, answers)
            for slot in slots
        ]
        columns, present = (torch.stack(each, dim=1) for each in zip(*found, strict=True))
        averaged = tuple(number for number, slot in enumerate(slots) if slot.anchor == "all")
        return cls(counted, columns, present, averaged)

    def take(
        self, stream: Float[Tensor, "layers texts seq width"]
    ) -> Float[Tensor, "texts slots layers width"]:
        """The values in each slot, in float64; of averaged slots the mean over what counts."""
        mask, columns = self.mask.to(stream.device), self.columns.to(stream.device)
        texts = torch.arange(len(mask), device=stream.device)[:, None]
        taken = stream[:, texts, columns].double()
        if self.averaged:
            counted = torch.where(
                mask[..., None], stream, 0
            )  # padding may hold any value, also NaN
            total = counted.sum(dim=2, dtype=torch.float64)
            taken[:, :, self.averaged] = (total / mask.sum(dim=1).clamp(min=1)[:, None])[:, :, None]
        return taken.permute(1, 2, 0, 3).cpu()


def _slot_columns(
    slot: Slot, mask: Bool[Tensor, "texts seq"], answers: Int[Tensor, " texts"]
) -> tuple[Int[Tensor, " texts"], Bool[Tensor, " texts"]]:
    """The column of a slot in each text, and whether the text has it; tokens count where true."""
    lengths = mask.sum(dim=1)
    origins = {"answer": answers, "last": lengths - 1}
    numbers = origins.get(slot.anchor, torch.zeros_like(lengths)) + slot.offset
    present = (numbers >= 0) & (numbers < lengths)
    counted_first = mask.int().argsort(dim=1, descending=True, stable=True)
    columns: Tensor = counted_first.gather(1, torch.where(present, numbers, 0)[:, None])[:, 0]
    return columns, present
