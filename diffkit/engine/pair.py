"""A base and its finetuned descendant."""

from collections.abc import Iterator, Sequence

from diffkit.engine.control import random_change
from diffkit.engine.decode import Decoded, decode
from diffkit.engine.deltas import WeightDelta, weight_deltas
from diffkit.engine.inputs import Inputs
from diffkit.engine.mixed import Mix, MixedStep
from diffkit.engine.model import Model
from diffkit.generator import Sampling


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
        return ModelPair(self.base, random_change(self.base, self.finetuned, seed, scale))

    def deltas(self) -> Iterator[WeightDelta]:
        """What finetuning added to each weight, one at a time; unchanged ones are left out."""
        return weight_deltas(self.base, self.finetuned)

    def generate_mixed(
        self,
        inputs: Inputs,
        mix: Mix,
        sampling: Sampling,
        *,
        numbers: Sequence[int] | None = None,
    ) -> list[Decoded]:
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
        return decode(
            MixedStep(self.base, self.finetuned, inputs, mix, self.vocabulary),
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
