"""Directions from a method's run, by the names of its tensors, and random ones as controls."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float
from safetensors import SafetensorError, safe_open
from torch import Tensor

from diffkit import Model, ModelPair, Texts
from diffkit_evaluators.graders.finetuning_loss.config import FinetuningLossConfig

_TENSOR_NAME = re.compile(r"(?P<layer>\d{1,6})/(?P<slot>.+)/difference")

_MIN_SINGULAR_VALUE = 1e-5
"""Smaller singular values, relative to the largest, are rounding errors."""

DirectionsByLayer = Mapping[int, Float[Tensor, "directions hidden"]]
"""Number of each block → orthonormal directions after it, float32."""


class NoDirections(Exception):
    """The run saved no usable directions; the message says why."""


@dataclass(frozen=True)
class SavedDirection:
    """A direction that a run saved."""

    layer: int
    """Number of the block before it, from 0."""
    slot: str
    """The position in texts."""
    vector: Tensor


def read_directions(
    artifacts: Path | None, slots: Sequence[str] = ()
) -> tuple[SavedDirection, ...]:
    """The directions that a run saved, without those that are zero or not finite.

    By convention, they are the tensors ``LAYER/SLOT/difference`` of any safetensors artifact:
    [d_model], the difference finetuned − base of the residual stream after block LAYER, from 0, at
    the position in texts that SLOT names.

    Args:
        artifacts: folder of the run's artifacts.
        slots: the wanted slots, with a minus sign or a hyphen; empty selects all.

    Raises:
        NoDirections: there are none.
    """
    wanted = {slot.replace("-", "−") for slot in slots}
    found = [
        one
        for one in _read_tensors(artifacts)
        if not wanted or one.slot.replace("-", "−") in wanted
    ]
    if not found:
        raise NoDirections("the method left no directions")
    telling = tuple(one for one in found if one.vector.isfinite().all() and one.vector.any())
    if not telling:
        raise NoDirections("its directions are all zero or not finite")
    return telling


def orthonormal_by_layer(left: Sequence[SavedDirection], side: Model) -> DirectionsByLayer:
    """Orthonormal directions of each layer.

    Args:
        left: directions of a run.
        side: either model, for its width and depth.

    Raises:
        NoDirections: the directions belong to a model of another size.
    """
    by_layer: dict[int, list[Tensor]] = defaultdict(list)
    for one in left:
        if one.vector.shape != (side.d_model,) or one.layer >= side.layers:
            shape = f"{list(one.vector.shape)} after block {one.layer}"
            size = f"{side.layers} blocks of width {side.d_model}"
            raise NoDirections(f"its directions ({shape}) are not of this model ({size})")
        by_layer[one.layer].append(one.vector.double())
    return {layer: orthonormal(torch.stack(each)) for layer, each in sorted(by_layer.items())}


def _read_tensors(folder: Path | None) -> Iterator[SavedDirection]:
    for path in sorted(folder.glob("*.safetensors")) if folder else ():
        try:
            with safe_open(path, framework="pt") as file:
                for name in sorted(file.keys()):
                    if match := _TENSOR_NAME.fullmatch(name):
                        yield SavedDirection(
                            int(match["layer"]), match["slot"], file.get_tensor(name)
                        )
        except (OSError, SafetensorError) as error:
            raise NoDirections(f"its artifact {path.name} cannot be read") from error


def orthonormal(vectors: Float[Tensor, "vectors hidden"]) -> Float[Tensor, "directions hidden"]:
    """An orthonormal basis of the span of ``vectors``, float32, regardless of their norms.

    Args:
        vectors: float64, none of them zero.
    """
    units = vectors / vectors.norm(dim=1, keepdim=True)
    _, sizes, directions = torch.linalg.svd(units, full_matrices=False)
    basis: Tensor = directions[sizes > _MIN_SINGULAR_VALUE * sizes[0]].float()
    return basis


_TEXTS = 16


def random_directions(
    pair: ModelPair, like: DirectionsByLayer, texts: Texts, config: FinetuningLossConfig
) -> Iterator[DirectionsByLayer]:
    """Sets of random directions in the same layers, equally many in each.

    A direction is the difference of the base's residual stream at two random tokens: isotropic
    noise hardly changes the residual stream of a wide model.

    Args:
        pair: both models.
        like: the directions that the sets are compared with.
        texts: texts of the tokens, with at least one token.
        config: number of sets, and their seed.
    """
    inputs = pair.base.inputs(texts.items[:_TEXTS], max_tokens=config.max_tokens)
    streams = pair.base.resid(inputs, list(like))
    at_tokens = streams[:, inputs.mask.to(streams.device)].float().cpu()
    generator = torch.Generator().manual_seed(config.seed)
    for _ in range(config.controls):
        drawn = dict[int, torch.Tensor]()
        for (layer, basis), stream in zip(like.items(), at_tokens, strict=True):
            ends = torch.randint(len(stream), (2, len(basis)), generator=generator)
            between = (stream[ends[0]] - stream[ends[1]]).double()
            between = between[between.any(dim=1)]
            if len(between):
                drawn[layer] = orthonormal(between)
        yield drawn
