"""Generates from a function of both sides' logits, as contrastive decoding does."""

from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from diffkit.engine.inputs import Inputs
from diffkit.engine.model import Model
from diffkit.engine.step import CachedStep

Mix = Callable[
    [Float[Tensor, "live vocabulary"], Float[Tensor, "live vocabulary"], Int[Tensor, " live"]],
    Float[Tensor, "live vocabulary"],
]
"""The logits that are drawn from, of the base's, the finetuned side's, and the rows' places."""


class MixedStep:
    """Both sides, each with its own cache, reading the same tokens.

    A side is held for its own pass alone, since the other may be the same network switched.

    Args:
        base: one side.
        finetuned: the other; on another device, its logits are brought to the base's.
        inputs: token ids, padded on the left.
        mix: makes one batch of logits of two.
        vocabulary: how many tokens both sides have; ``mix`` sees no others.
    """

    def __init__(
        self, base: Model, finetuned: Model, inputs: Inputs, mix: Mix, vocabulary: int
    ) -> None:
        self._mix = mix
        self._vocabulary = vocabulary
        self._rows = torch.arange(len(inputs.mask), device=base.device)
        self._sides = [_step(side, inputs) for side in (base, finetuned)]

    def logits(self) -> Float[Tensor, "live vocabulary"]:
        """Of the next token, mixed."""
        base, finetuned = (
            side.logits()[:, : self._vocabulary].to(self._rows.device) for side in self._sides
        )
        return self._mix(base, finetuned, self._rows)

    def forward(self, chosen: Int[Tensor, " live"]) -> None:
        """Has both sides take in one token a row."""
        for side in self._sides:
            side.forward(chosen.to(side.logits().device))

    def keep(self, places: Int[Tensor, " kept"]) -> None:
        """Forgets all rows but some, on both sides."""
        self._rows = self._rows[places]
        for side in self._sides:
            side.keep(places.to(side.logits().device))


def _step(side: Model, inputs: Inputs) -> CachedStep:
    def forward(**given: Any) -> Any:
        with side.active() as module:
            return module(**given)

    return CachedStep(forward, inputs.to(side.device), keeps_few=side.network.keeps_few)
