"""Objective ``direction``: the residual stream is to go far along a vector."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float, Int
from torch import Tensor

from diffkit import Model, RunContext, UserError
from diffkit_plugins.steering_prefix.layout import Layout, Place
from diffkit_plugins.steering_prefix.places import split_places
from diffkit_plugins.steering_prefix.search_options import CompletionOptions
from diffkit_plugins.steering_prefix.split import Split
from diffkit_plugins.steering_prefix.stream import StreamObjective


@dataclass(frozen=True)
class AlongVector:
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
) -> Split:
    """A prefix that raises the dot product of the stream at a layer with a vector.

    Args:
        model: reads the prefix.
        vector: of the model's width; its length counts.
        layer: a block's number, or a fraction of depth.
        config: which suffixes, and rows at a time.
        context: texts and seed.
        in_context: whether the stream is read after prefix and suffix, or after the prefix alone.
    """
    layout = Layout(model.tokenizer, config.separator)

    def objective(places: Sequence[Place]) -> StreamObjective:
        aim = AlongVector(vector, len(places))
        return StreamObjective(
            model, layout, places, layer=layer, aim=aim, batch_size=config.batch_size
        )

    training, held_out = split_places(layout, config, context, in_context=in_context)
    return Split(layout, objective(training), objective(held_out), training, held_out)


def read_vector(file: Path, width: int) -> Float[Tensor, " hidden"]:
    """The one vector in a safetensors file, in float32.

    Raises:
        UserError: the file cannot be read, holds another number of tensors, or the tensor is no
            vector of finite numbers of this width.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    cure = (
        f"Save one vector of {width} numbers, as save_file({{'vector': vector}}, 'x.safetensors')."
    )
    try:
        tensors = load_file(file)
    except (OSError, SafetensorError) as error:
        raise UserError(f"The vector {str(file)!r} cannot be read ({error}).", cure=cure) from error
    if len(tensors) != 1:
        raise UserError(f"{str(file)!r} holds {len(tensors)} tensors, not one.", cure=cure)
    (vector,) = tensors.values()
    if vector.numel() != width or not vector.is_floating_point() or not vector.isfinite().all():
        what = f"{str(file)!r} holds a tensor of shape {list(vector.shape)} that is no such vector."
        raise UserError(what, cure=cure)
    return vector.flatten().float()
