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
    """Where the stream is to be."""

    @property
    def unit(self) -> str:
        """What the losses are measured in."""

    @property
    def floors(self) -> Float[Tensor, " items"]:
        """The least loss of each item that is known to be possible; -inf where none is."""

    def losses(
        self, streams: Float[Tensor, "rows hidden"], items: Int[Tensor, " rows"]
    ) -> Float[Tensor, " rows"]:
        """How far streams are from it, in float32, differentiable."""


class ResidualObjective(PrefixObjective):
    """A loss of the residual stream after a block, at the last position of a prompt.

    Args:
        model: reads the prefix.
        layout: writes the prompts.
        places: where prefixes stand, one for each item.
        layer: a block's number, or a fraction of depth.
        aim: where the stream is to be.
        batch_size: rows at a time.
    """

    def __init__(
        self,
        model: Model,
        layout: PromptLayout,
        places: Sequence[PromptSlot],
        *,
        layer: int | float,
        aim: ResidualTarget,
        batch_size: int,
    ) -> None:
        self.model = model
        self.places = tuple(places)
        self._layer = layer
        self._aim = aim
        self._batch_size = batch_size
        around = [SurroundingTokens(place.before, place.rest) for place in self.places]
        self._embedder = PrefixEmbedder(model, around, batch_size)
        self._reads_back = RoundTrips(layout.tokenizer, self.places)

    @property
    def items(self) -> int:
        """How many places there are."""
        return len(self.places)

    @property
    def unit(self) -> str:
        """What the losses are measured in."""
        return self._aim.unit

    @property
    def floors(self) -> Float[Tensor, " items"]:
        """The least losses that are known to be possible."""
        return self._aim.floors

    def losses(
        self,
        prefixes: Int[Tensor, "tried length"],
        items: Sequence[int],
        *,
        near: Int[Tensor, " near_length"] | None = None,
    ) -> Float[Tensor, "tried items"]:
        """See `Objective.losses`; ``near`` plays no part, since passes end at the layer."""
        del near
        rows = [
            (self.places[item].prompt(prefix), item)
            for prefix in prefixes.tolist()
            for item in items
        ]
        found = torch.zeros(len(rows))
        order = sorted(range(len(rows)), key=lambda number: len(rows[number][0]))
        for start in range(0, len(order), self._batch_size):
            batch = order[start : start + self._batch_size]
            inputs = Inputs.of([rows[number][0] for number in batch], side="left")
            with torch.no_grad():
                found[batch] = self._read(inputs, [rows[number][1] for number in batch]).cpu()
        return found.view(len(prefixes), len(items))

    def gradient(
        self, embeddings: Float[Tensor, "length hidden"], items: Sequence[int]
    ) -> EmbeddingGradient:
        """See `Objective.gradient`."""
        return self._embedder.gradient(embeddings, items, self._read)

    def reads_back(self, prefixes: Int[Tensor, "tried length"]) -> list[bool]:
        """See `Objective.reads_back`."""
        return self._reads_back(prefixes.tolist())

    def _read(self, inputs: Inputs, items: Sequence[int]) -> Float[Tensor, " rows"]:
        streams = last_residuals(self.model, inputs, self._layer)
        return self._aim.losses(streams, torch.tensor(items, device=streams.device))


def last_residuals(
    model: Model, inputs: Inputs, layer: int | float
) -> Float[Tensor, "rows hidden"]:
    """The residual stream after a block at the last column, in float32."""
    return model.resid(inputs, [layer])[0, :, -1].float()


@dataclass(frozen=True)
class StateTarget:
    """1 − cosine of the stream and the reference's, which is 0 where they point alike."""

    states: Float[Tensor, "items hidden"]
    unit: str = "1 − cosine"

    @property
    def floors(self) -> Float[Tensor, " items"]:
        """The reference's own losses: 0."""
        return torch.zeros(len(self.states))

    def losses(
        self, streams: Float[Tensor, "rows hidden"], items: Int[Tensor, " rows"]
    ) -> Float[Tensor, " rows"]:
        """How far streams point elsewhere; never below 0 by rounding."""
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
    """A prefix after which the stream at a layer is as after a reference prefix.

    Args:
        model: reads both.
        reference: the reference prefix, in words.
        layer: a block's number, or a fraction of depth.
        config: which suffixes, and rows at a time.
        context: texts and seed.
        in_context: whether the stream is read after prefix and suffix (the notebook's section 4),
            or after the prefix alone (its section 3).
    """
    layout = PromptLayout(model.tokenizer, config.separator)

    def objective(places: Sequence[PromptSlot]) -> ResidualObjective:
        prompts = [place.prompt(layout.prefix(reference, place)) for place in places]
        aim = StateTarget(_reference_states(model, prompts, layer, config.batch_size))
        return ResidualObjective(
            model, layout, places, layer=layer, aim=aim, batch_size=config.batch_size
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
    """The stream's dot product with a vector, negated; no least loss is known."""

    vector: Float[Tensor, " hidden"]
    items: int
    unit: str = "negated dot product"

    @property
    def floors(self) -> Float[Tensor, " items"]:
        """None is known: -inf."""
        return torch.full((self.items,), -torch.inf)

    def losses(
        self, streams: Float[Tensor, "rows hidden"], items: Int[Tensor, " rows"]
    ) -> Float[Tensor, " rows"]:
        """How far streams are from going along it."""
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
    """A prefix that raises the dot product of the stream at a layer with a vector.

    Args:
        model: reads the prefix.
        vector: of the model's width; its length counts.
        layer: a block's number, or a fraction of depth.
        config: which suffixes, and rows at a time.
        context: texts and seed.
        in_context: whether the stream is read after prefix and suffix, or after the prefix alone.
    """
    layout = PromptLayout(model.tokenizer, config.separator)

    def objective(places: Sequence[PromptSlot]) -> ResidualObjective:
        aim = DirectionTarget(vector, len(places))
        return ResidualObjective(
            model, layout, places, layer=layer, aim=aim, batch_size=config.batch_size
        )

    training, held_out = split_slots(layout, config, context, in_context=in_context)
    return ObjectiveSplit(layout, objective(training), objective(held_out), training, held_out)


def read_vector(file: Path, width: int) -> Float[Tensor, " hidden"]:
    """The one vector in a safetensors file, in float32.

    Raises:
        UserError: the file cannot be read, holds another number of tensors, or the tensor is no
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
