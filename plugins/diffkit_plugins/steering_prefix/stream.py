"""Where a prefix puts the residual stream."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor

from diffkit import Inputs, Model
from diffkit_plugins.steering_prefix.embedding import Around, Embedder
from diffkit_plugins.steering_prefix.layout import Layout, Place
from diffkit_plugins.steering_prefix.objective import EmbeddingGradient, Objective
from diffkit_plugins.steering_prefix.reading_back import ReadsBack


@runtime_checkable
class Aim(Protocol):
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


class StreamObjective(Objective):
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
        layout: Layout,
        places: Sequence[Place],
        *,
        layer: int | float,
        aim: Aim,
        batch_size: int,
    ) -> None:
        self.model = model
        self.places = tuple(places)
        self._layer = layer
        self._aim = aim
        self._batch_size = batch_size
        around = [Around(place.before, place.rest) for place in self.places]
        self._embedder = Embedder(model, around, batch_size)
        self._reads_back = ReadsBack(layout.tokenizer, self.places)

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
        streams = last_streams(self.model, inputs, self._layer)
        return self._aim.losses(streams, torch.tensor(items, device=streams.device))


def last_streams(model: Model, inputs: Inputs, layer: int | float) -> Float[Tensor, "rows hidden"]:
    """The residual stream after a block at the last column, in float32."""
    return model.resid(inputs, [layer])[0, :, -1].float()
