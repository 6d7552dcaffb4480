"""A base and its finetuned descendant, and generation from both sides' logits."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from diffkit.engine.generation import CachedDecoding, GeneratedIds, generate_batch
from diffkit.engine.inputs import Inputs
from diffkit.engine.model import Model
from diffkit.engine.weight_changes.differences import WeightDelta, weight_deltas
from diffkit.engine.weight_changes.random_control import random_control
from diffkit.sampling import Sampling

LogitMixer = Callable[
    [Float[Tensor, "live vocabulary"], Float[Tensor, "live vocabulary"], Int[Tensor, " live"]],
    Float[Tensor, "live vocabulary"],
]
"""The logits that are drawn from, of the base's, the finetuned side's, and the rows' places."""


class MixedDecoding:
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
        self, base: Model, finetuned: Model, inputs: Inputs, mix: LogitMixer, vocabulary: int
    ) -> None:
        self._mix = mix
        self._vocabulary = vocabulary
        self._rows = torch.arange(len(inputs.mask), device=base.device)
        self._sides = [_side_decoding(side, inputs) for side in (base, finetuned)]

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


def _side_decoding(side: Model, inputs: Inputs) -> CachedDecoding:
    def forward(**given: Any) -> Any:
        with side.active() as module:
            return module(**given)

    return CachedDecoding(forward, inputs.to(side.device), keeps_few=side.network.keeps_few)


class ModelPair:
    """Two models to compare; use it as a context manager, or `close` it.

    Closing takes the finetuned side's adapter off a shared base, so that a hundred controls in
    turn hold no more memory than one.

    Args:
        base: the side compared with.
        finetuned: the side compared.
        owns_base: whether closing takes the base side's adapter off too.
    """

    def __init__(self, base: Model, finetuned: Model, *, owns_base: bool = False) -> None:
        self.base = base
        self.finetuned = finetuned
        self._owns_base = owns_base
        self._closed = False

    @property
    def shared(self) -> bool:
        """Whether both sides run on one network."""
        return self.base.network is self.finetuned.network

    @property
    def identical(self) -> bool:
        """Whether both sides have the same weights because they are the same model."""
        return self.shared and self.base.adapter == self.finetuned.adapter

    @property
    def vocabulary(self) -> int:
        """Number of tokens that both sides have: divergences are over ids from 0 to before it."""
        return min(self.base.vocabulary, self.finetuned.vocabulary)

    def control(self, seed: int, scale: float = 1.0) -> "ModelPair":
        """The base side against itself with a random change of the same norm in each module.

        The same seed gives the same change on every device.

        Args:
            seed: seed of the change.
            scale: factor on the norms.
        """
        return ModelPair(self.base, random_control(self.base, self.finetuned, seed, scale))

    def deltas(self) -> Iterator[WeightDelta]:
        """What finetuning added to each weight, one at a time; unchanged ones are left out."""
        return weight_deltas(self.base, self.finetuned)

    def generate_mixed(
        self,
        inputs: Inputs,
        mix: LogitMixer,
        sampling: Sampling,
        *,
        numbers: Sequence[int] | None = None,
    ) -> list[GeneratedIds]:
        """Tokens drawn from a function of both sides' logits, both sides reading what was drawn.

        Edits in force on either side are made. A row ends where either side would end it.

        Args:
            inputs: one batch of token ids, padded on the left.
            mix: gives [live vocabulary] logits from the base's, the finetuned side's, and the
                places in the batch of the rows that are still going on; over common tokens.
            sampling: how tokens are chosen.
            numbers: what the draws of each row come from besides the seed, so that rows may share
                them; none gives each its place in the batch.
        """
        if numbers is None:
            numbers = range(len(inputs.mask))
        return generate_batch(
            MixedDecoding(self.base, self.finetuned, inputs, mix, self.vocabulary),
            sampling,
            vocabulary=self.vocabulary,
            ends=self.base.ends | self.finetuned.ends,
            numbers=numbers,
        )

    def close(self) -> None:
        """Frees the finetuned side; the pair cannot be used afterwards. The base stays loaded."""
        if not self._closed and self.shared:
            for adapter in {self.base.adapter, self.finetuned.adapter}:
                if adapter is not None and (self._owns_base or adapter != self.base.adapter):
                    self.base.network.delete(adapter)
        self._closed = True

    def __enter__(self) -> "ModelPair":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
