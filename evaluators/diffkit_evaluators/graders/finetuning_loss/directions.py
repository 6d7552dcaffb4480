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
"""Singular values below it, as a share of the largest, are rounding."""

DirectionsByLayer = Mapping[int, Float[Tensor, "directions hidden"]]
"""Block's number → orthonormal directions after it, float32."""


class NoDirections(Exception):
    """The run left no directions that could be taken out; its message says why."""


@dataclass(frozen=True)
class SavedDirection:
    """A vector that a run left."""

    layer: int
    """Number of the block after which it stands, from 0."""
    slot: str
    """The place in texts."""
    vector: Tensor


def read_directions(
    artifacts: Path | None, slots: Sequence[str] = ()
) -> tuple[SavedDirection, ...]:
    """The directions that a run left; those that are zero or not finite are left out.

    By convention they are tensors of any safetensors artifact that are called
    ``LAYER/SLOT/difference``: [hidden], the difference finetuned − base of the residual stream
    after the block of that number from 0, in some place of texts that the slot names.

    Args:
        artifacts: folder of the run's artifacts.
        slots: those wanted, with a minus sign or a hyphen; none are all.

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
    """Orthonormal directions, layer by layer.

    Args:
        left: what a run left.
        side: either side, for its width and depth.

    Raises:
        NoDirections: they are of another model.
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
    """An orthonormal basis of what ``vectors`` span, float32; each counts alike, however long.

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
    """Sets of random directions in the same layers, as many in each.

    A direction lies between the base's streams at two random tokens: one that is random in all
    coordinates alike hardly touches the stream of a wide model.

    Args:
        pair: both sides.
        like: the directions that the sets are compared with.
        texts: whose tokens are drawn; they have at least one.
        config: how many sets there are, and their seed.
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
