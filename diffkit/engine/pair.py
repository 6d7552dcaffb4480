"""A base and its finetuned descendant, read side by side."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from diffkit.engine.forward.decoding import decoding_state, within_positions
from diffkit.engine.generation import GeneratedIds, generate_batch
from diffkit.engine.inputs import Inputs, TextBatch
from diffkit.engine.model import Model
from diffkit.engine.tokenization import tokenizer_differences
from diffkit.engine.weight_changes.differences import WeightDelta, weight_deltas
from diffkit.engine.weight_changes.random_control import random_control
from diffkit.maths.chunks import chunk_positions
from diffkit.sampling import Sampling

LogitMixer = Callable[
    [Float[Tensor, "live vocabulary"], Float[Tensor, "live vocabulary"], Int[Tensor, " live"]],
    Float[Tensor, "live vocabulary"],
]
"""Combines the base's logits and the finetuned side's into the logits to sample from.

The third argument holds the index of each row in the batch.
"""


@dataclass(frozen=True)
class PairLogProbs:
    """Next-token log-probabilities of both sides at the same positions of a batch.

    Positions are those whose next token is real, row after row. All tensors are on the base's
    device; log-probabilities are float32 and normalised over the tokens that both sides have.
    """

    base: Float[Tensor, "positions vocabulary"]
    """Log-probabilities of the base."""
    finetuned: Float[Tensor, "positions vocabulary"]
    """Log-probabilities of the finetuned side."""
    targets: Int[Tensor, " positions"]
    """The token that follows each position."""
    rows: Int[Tensor, " positions"]
    """The row of the batch that each position is in."""


@dataclass(frozen=True)
class MixedIds(GeneratedIds):
    """The new tokens of one row that was sampled from a mixture of both sides."""

    log_ratios: Float[Tensor, " tokens"]
    """Log probability by the finetuned side less that by the base of each token, in nats, over the
    tokens that both have, as both read the row; float32, on the CPU."""


class ModelPair:
    """Two models to compare; use it as a context manager, or `close` it.

    Closing removes the finetuned side's adapter from a shared base, so that a hundred controls one
    after another hold no more memory than one.

    Args:
        base: the side compared with.
        finetuned: the side compared.
        owns_base: whether closing removes the base side's adapter too.
    """

    def __init__(self, base: Model, finetuned: Model, *, owns_base: bool = False) -> None:
        self.base = base
        self.finetuned = finetuned
        self._owns_base = owns_base
        self._closed = False
        finetuned.side = "the finetuned side"
        base.side = "the base"

    @property
    def share_network(self) -> bool:
        """Whether both sides run on one network."""
        return self.base.network is self.finetuned.network

    @property
    def same_weights(self) -> bool:
        """Whether both sides have the same weights: equal token ids then give equal predictions."""
        return self.share_network and self.base.adapter == self.finetuned.adapter

    @property
    def identical(self) -> bool:
        """Whether the sides do not differ in anything: they have one model's weights and files."""
        return self.same_weights and not self.reading_differences

    @cached_property
    def reading_differences(self) -> tuple[str, ...]:
        """What differs besides weights: ``chat template``, ``tokenizer``, ``end tokens``."""
        base, finetuned = self.base, self.finetuned
        found = tokenizer_differences(base.tokenizer, finetuned.tokenizer)
        ends = ("end tokens",) if base.eos_ids != finetuned.eos_ids else ()
        return (*found, *ends)

    @property
    def vocabulary(self) -> int:
        """Number of tokens that both sides have: divergences are over the ids below it."""
        return min(self.base.vocabulary, self.finetuned.vocabulary)

    @property
    def tokenizer(self) -> Any:
        """The base's tokenizer; every id that both sides know means the same token."""
        return self.base.tokenizer

    def log_probs(self, batch: Inputs | TextBatch) -> PairLogProbs:
        """Log-probabilities of the next token by both sides, at all real positions of a batch.

        They take 8 bytes for each position and token of the vocabulary: choose small batches, or
        use `pair_loss`, which never holds all of them.

        Args:
            batch: token ids of the base's tokenizer, padded on either side.

        Raises:
            ValueError: the batch holds embeddings, which have no next token.
        """
        inputs = batch.inputs if isinstance(batch, TextBatch) else batch
        if inputs.ids is None:
            msg = "log_probs needs token ids: embeddings have no next token"
            raise ValueError(msg)
        device = self.base.device
        real = (inputs.mask[:, :-1] & inputs.mask[:, 1:]).to(device)
        return PairLogProbs(
            self._side_log_probs(self.base, inputs, real),
            self._side_log_probs(self.finetuned, inputs, real),
            inputs.ids[:, 1:].to(device)[real],
            real.nonzero()[:, 0],
        )

    def _side_log_probs(
        self, side: Model, inputs: Inputs, real: Bool[Tensor, "batch positions"]
    ) -> Float[Tensor, "real vocabulary"]:
        logits = side.logits(inputs, keep=slice(0, -1))[..., : self.vocabulary]
        return logits[real.to(logits.device)].to(real.device).float().log_softmax(dim=-1)

    def control(self, seed: int, scale: float = 1.0) -> "ModelPair":
        """The base side against itself with a random change of the same norm in each module.

        The same seed gives the same change on every device.

        Args:
            seed: seed of the change.
            scale: factor on the norms.
        """
        return ModelPair(self.base, random_control(self.base, self.finetuned, seed, scale))

    def deltas(self) -> Iterator[WeightDelta]:
        """The change of each weight, one at a time; unchanged weights are left out."""
        return weight_deltas(self.base, self.finetuned)

    def generate_mixed(
        self,
        inputs: Inputs,
        mix: LogitMixer,
        sampling: Sampling,
        *,
        row_seeds: Sequence[int] | None = None,
    ) -> list[MixedIds]:
        """Tokens sampled from a function of both sides' logits; both sides read the tokens.

        Edits that are active on either side are applied. A row ends where either side would end
        it.

        Args:
            inputs: one batch of token ids, padded on the left.
            mix: gives [live vocabulary] logits from the base's, the finetuned side's, and the
                indices in the batch of the rows that are not finished; over common tokens.
            sampling: how tokens are chosen.
            row_seeds: seed of each row besides `Sampling.seed`, so that rows may share draws; none
                gives each its index in the batch.
        """
        sides, new = (self.base, self.finetuned), sampling.max_new_tokens
        state = MixedDecoding(*sides, inputs, mix, self.vocabulary, new_tokens=new)
        rows = generate_batch(
            state,
            sampling,
            vocabulary=self.vocabulary,
            eos_ids=self.base.eos_ids | self.finetuned.eos_ids,
            row_seeds=range(len(inputs.mask)) if row_seeds is None else row_seeds,
        )
        rows = within_positions(sides, inputs, rows)
        return [
            MixedIds(row.ids, row.finished, torch.tensor(ratios[: len(row.ids)]))
            for row, ratios in zip(rows, state.log_ratios, strict=True)
        ]

    def close(self) -> None:
        """Frees the finetuned side; the pair cannot be used afterwards. The base stays loaded."""
        if not self._closed and self.share_network:
            for adapter in {self.base.adapter, self.finetuned.adapter}:
                if adapter is not None and (self._owns_base or adapter != self.base.adapter):
                    self.base.network.delete(adapter)
        self._closed = True

    def __enter__(self) -> "ModelPair":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class MixedDecoding:
    """The decoding state of both sides, each with its own cache, reading the same tokens.

    A side is active only during its own forward pass, since the other may be the same network
    with another adapter.

    Args:
        base: one side.
        finetuned: the other; its logits are moved to the base's device.
        inputs: token ids, padded on the left.
        mix: combines two batches of logits into one.
        vocabulary: number of tokens that both sides have; ``mix`` sees no others.
        new_tokens: the largest number of tokens that will follow.
    """

    def __init__(
        self,
        base: Model,
        finetuned: Model,
        inputs: Inputs,
        mix: LogitMixer,
        vocabulary: int,
        *,
        new_tokens: int,
    ) -> None:
        self._mix = mix
        self._vocabulary = vocabulary
        self._rows = torch.arange(len(inputs.mask), device=base.device)
        self._sides = [decoding_state(side, inputs, new_tokens) for side in (base, finetuned)]
        self.log_ratios: list[list[float]] = [[] for _ in inputs.mask]

    def logits(self) -> Float[Tensor, "live vocabulary"]:
        """Mixed logits of the next token."""
        parts = [self._mix(*both, self._rows[part]) for part, both in self._parts()]
        mixed = torch.cat(parts)
        if bool(mixed.amax(dim=-1).isfinite().all()):  # -inf excludes a token
            return mixed
        msg = "the mix of both sides' logits gives NaN or infinity, or excludes every token"
        raise ValueError(msg)

    def record(self, chosen: Int[Tensor, " live"]) -> None:
        """Keeps each side's log probability of the chosen token."""
        for part, (base, finetuned) in self._parts():
            tokens = chosen[part, None]
            on_base, on_finetuned = (
                side.float().log_softmax(dim=-1).gather(1, tokens)[:, 0]
                for side in (base, finetuned)
            )
            ratios = (on_finetuned - on_base).tolist()
            for row, ratio in zip(self._rows[part].tolist(), ratios, strict=True):
                self.log_ratios[row].append(ratio)

    def _parts(self) -> Iterator[tuple[slice, tuple[Tensor, Tensor]]]:
        """Both sides' logits of a few rows at a time, which stay in the processor's cache."""
        size = chunk_positions(self._vocabulary, self._rows.device)
        for start in range(0, len(self._rows), size):
            part = slice(start, start + size)
            base, finetuned = (
                side.logits()[part, : self._vocabulary].to(self._rows.device)
                for side in self._sides
            )
            yield part, (base, finetuned)

    def forward(self, chosen: Int[Tensor, " live"]) -> None:
        """Appends one token to each row, on both sides."""
        for side in self._sides:
            side.forward(chosen.to(side.logits().device))

    def keep(self, places: Int[Tensor, " kept"]) -> None:
        """Drops all rows except ``places``, on both sides."""
        self._rows = self._rows[places]
        for side in self._sides:
            side.keep(places.to(side.logits().device))
