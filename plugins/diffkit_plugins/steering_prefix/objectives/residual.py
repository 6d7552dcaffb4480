"""Objectives of the residual stream at a layer: ``state`` and ``direction``.

Takes a reference prefix or a vector. Gives training and held-out objectives, which measure the
residual stream at the last position of a prompt against it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import cosine_similarity

from diffkit import Inputs, Model, RunContext, UserError
from diffkit.analysis import batches_by_length
from diffkit_plugins.steering_prefix.config import CompletionOptions
from diffkit_plugins.steering_prefix.objectives.base import (
    EmbeddingGradient,
    ObjectiveSplit,
    PrefixEmbedder,
    PrefixObjective,
    SurroundingTokens,
)
from diffkit_plugins.steering_prefix.prompts.layout import PromptLayout, PromptSlot, RoundTrips
from diffkit_plugins.steering_prefix.prompts.suffixes import split_slots


@runtime_checkable
class ResidualTarget(Protocol):
    """The target of the residual stream, as a loss."""

    @property
    def unit(self) -> str:
        """The unit of the losses."""

    @property
    def floors(self) -> Float[Tensor, " items"]:
        """The lowest loss known to be possible for each item; -inf if none is known."""

    def losses(
        self, streams: Float[Tensor, "rows hidden"], items: Int[Tensor, " rows"]
    ) -> Float[Tensor, " rows"]:
        """The losses of residual streams, in float32; differentiable."""


class ResidualObjective(PrefixObjective):
    """A loss of the residual stream after a block, at the last position of a prompt.

    Args:
        model: reads the prefix.
        layout: builds the prompts.
        slots: of the prefixes, one for each item.
        layer: number of a block, or a fraction of depth.
        target: of the residual stream.
        batch_size: rows in a batch.
    """

    def __init__(
        self,
        model: Model,
        layout: PromptLayout,
        slots: Sequence[PromptSlot],
        *,
        layer: int | float,
        target: ResidualTarget,
        batch_size: int,
    ) -> None:
        self.model = model
        self.slots = tuple(slots)
        self._layer = layer
        self._target = target
        self._batch_size = batch_size
        surroundings = [SurroundingTokens(slot.before, slot.rest) for slot in self.slots]
        self._embedder = PrefixEmbedder(model, surroundings, batch_size)
        self._round_trips = RoundTrips(layout.tokenizer, self.slots)

    @property
    def items(self) -> int:
        """The number of slots."""
        return len(self.slots)

    @property
    def unit(self) -> str:
        """The unit of the losses."""
        return self._target.unit

    @property
    def floors(self) -> Float[Tensor, " items"]:
        """The lowest losses known to be possible."""
        return self._target.floors

    def losses(
        self,
        prefixes: Int[Tensor, "prefixes length"],
        items: Sequence[int],
        *,
        parent: Int[Tensor, " parent_length"] | None = None,
    ) -> Float[Tensor, "prefixes items"]:
        """See `PrefixObjective.losses`; ``parent`` has no effect, since passes end at the layer."""
        del parent
        rows = [
            (self.slots[item].prompt(prefix), item)
            for prefix in prefixes.tolist()
            for item in items
        ]
        losses = torch.zeros(len(rows))
        for batch in batches_by_length([len(ids) for ids, _ in rows], self._batch_size):
            inputs = Inputs.of([rows[number][0] for number in batch], side="left")
            with torch.no_grad():
                losses[batch] = self._row_losses(
                    inputs, [rows[number][1] for number in batch]
                ).cpu()
        return losses.view(len(prefixes), len(items))

    def gradient(
        self, embeddings: Float[Tensor, "length hidden"], items: Sequence[int]
    ) -> EmbeddingGradient:
        """See `PrefixObjective.gradient`."""
        return self._embedder.gradient(embeddings, items, self._row_losses)

    def round_trips(self, prefixes: Int[Tensor, "prefixes length"]) -> list[bool]:
        """See `PrefixObjective.round_trips`."""
        return self._round_trips.check(prefixes.tolist())

    def words(self, prefix: Sequence[int]) -> str:
        """See `PrefixObjective.words`."""
        return self._round_trips.words(prefix)

    def _row_losses(self, inputs: Inputs, items: Sequence[int]) -> Float[Tensor, " rows"]:
        streams = last_residuals(self.model, inputs, self._layer)
        return self._target.losses(streams, torch.tensor(items, device=streams.device))


def last_residuals(
    model: Model, inputs: Inputs, layer: int | float
) -> Float[Tensor, "rows hidden"]:
    """The residual stream after a block at the last position, in float32."""
    return model.resid(inputs, [layer])[0, :, -1].float()


@dataclass(frozen=True)
class StateTarget:
    """1 − cosine between the residual stream and that of the reference."""

    states: Float[Tensor, "items hidden"]
    unit: str = "1 − cosine"

    @property
    def floors(self) -> Float[Tensor, " items"]:
        """The losses of the reference itself: 0."""
        return torch.zeros(len(self.states))

    def losses(
        self, streams: Float[Tensor, "rows hidden"], items: Int[Tensor, " rows"]
    ) -> Float[Tensor, " rows"]:
        """1 − cosine of each row; rounding never makes it negative."""
        return (1 - cosine_similarity(streams, self.states[items], dim=-1)).clamp(min=0)


def state_split(
    model: Model,
    reference: str,
    layer: int | float,
    config: CompletionOptions,
    context: RunContext,
    *,
    in_context: bool,
) -> ObjectiveSplit:
    """Objectives of a prefix that gives the residual stream of a reference prefix at a layer.

    Args:
        model: reads both.
        reference: the reference prefix, in words.
        layer: number of a block, or a fraction of depth.
        config: options of the suffixes, and batch size.
        context: texts and seed.
        in_context: whether the stream is that after prefix and suffix (the notebook's section 4),
            or after the prefix alone (its section 3).
    """
    layout = PromptLayout(model.tokenizer, config.separator)

    def objective(slots: Sequence[PromptSlot]) -> ResidualObjective:
        prompts = [slot.prompt(layout.prefix(reference, slot)) for slot in slots]
        target = StateTarget(_reference_states(model, prompts, layer, config.batch_size))
        return ResidualObjective(
            model, layout, slots, layer=layer, target=target, batch_size=config.batch_size
        )

    training, held_out = split_slots(layout, config, context, in_context=in_context)
    return ObjectiveSplit(layout, objective(training), objective(held_out), training, held_out)


def _reference_states(
    model: Model, prompts: Sequence[tuple[int, ...]], layer: int | float, batch_size: int
) -> Float[Tensor, "prompts hidden"]:
    parts = [
        last_residuals(model, Inputs.of(prompts[start : start + batch_size], side="left"), layer)
        for start in range(0, len(prompts), batch_size)
    ]
    return torch.cat(parts)


@dataclass(frozen=True)
class DirectionTarget:
    """The negated dot product of the residual stream with a vector; it has no known minimum."""

    vector: Float[Tensor, " hidden"]
    items: int
    unit: str = "negated dot product"

    @property
    def floors(self) -> Float[Tensor, " items"]:
        """-inf, since none is known."""
        return torch.full((self.items,), -torch.inf)

    def losses(
        self, streams: Float[Tensor, "rows hidden"], items: Int[Tensor, " rows"]
    ) -> Float[Tensor, " rows"]:
        """The negated dot product of each row."""
        del items
        return -(streams @ self.vector.to(streams))


def direction_split(
    model: Model,
    vector: Float[Tensor, " hidden"],
    layer: int | float,
    config: CompletionOptions,
    context: RunContext,
    *,
    in_context: bool,
) -> ObjectiveSplit:
    """Objectives of a prefix that raises the dot product of the residual stream with a vector.

    Args:
        model: reads the prefix.
        vector: of the model's width; its norm has an effect.
        layer: number of a block, or a fraction of depth.
        config: options of the suffixes, and batch size.
        context: texts and seed.
        in_context: whether the stream is that after prefix and suffix, or after the prefix alone.
    """
    layout = PromptLayout(model.tokenizer, config.separator)

    def objective(slots: Sequence[PromptSlot]) -> ResidualObjective:
        target = DirectionTarget(vector, len(slots))
        return ResidualObjective(
            model, layout, slots, layer=layer, target=target, batch_size=config.batch_size
        )

    training, held_out = split_slots(layout, config, context, in_context=in_context)
    return ObjectiveSplit(layout, objective(training), objective(held_out), training, held_out)


def read_vector(file: Path, width: int) -> Float[Tensor, " hidden"]:
    """Reads the only vector in a safetensors file, in float32.

    Raises:
        UserError: the file cannot be read, has another number of tensors, or its tensor is not a
            vector of finite numbers of this width.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    hint = (
        f"Save one vector of {width} numbers, as save_file({{'vector': vector}}, 'x.safetensors')."
    )
    try:
        tensors = load_file(file)
    except (OSError, SafetensorError) as error:
        raise UserError(f"The vector {str(file)!r} cannot be read ({error}).", hint=hint) from error
    if len(tensors) != 1:
        raise UserError(f"{str(file)!r} holds {len(tensors)} tensors, not one.", hint=hint)
    (vector,) = tensors.values()
    if vector.numel() != width or not vector.is_floating_point() or not vector.isfinite().all():
        what = f"{str(file)!r} holds a tensor of shape {list(vector.shape)} that is no such vector."
        raise UserError(what, hint=hint)
    return vector.flatten().float()
