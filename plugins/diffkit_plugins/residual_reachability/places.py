"""Where finetuning moved the residual stream, and by how much."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from diffkit import Inputs, Model, ModelPair, RunContext, UserError
from diffkit_plugins.residual_reachability.config import ResidualReachabilityConfig


@dataclass(frozen=True)
class Places:
    """The last token read of each text that moved, after one block."""

    layer: int
    texts: Int[Tensor, " texts"]
    """The texts' numbers in the suite."""
    ids: Int[Tensor, "texts length"]
    """The tokens read; padding after ``positions``, which no causal model sees."""
    positions: Int[Tensor, " texts"]
    base: Float[Tensor, "texts hidden"]
    """The base's residual stream there, before the final norm."""
    deltas: Float[Tensor, "texts hidden"]
    """Finetuned less base; none is 0."""
    stream: Float[Tensor, "tokens hidden"]
    """The base's residual stream over the reference texts."""

    @property
    def sizes(self) -> Float[Tensor, " texts"]:
        """‖Δ‖ over the norm of the base's stream."""
        sizes: Tensor = self.deltas.norm(dim=1) / self.base.norm(dim=1)
        return sizes

    @property
    def mask(self) -> Bool[Tensor, "texts length"]:
        """True at the positions."""
        places = torch.arange(self.ids.shape[1], device=self.positions.device)
        return places == self.positions[:, None]


def places(
    pair: ModelPair, config: ResidualReachabilityConfig, context: RunContext
) -> Iterator[Places]:
    """Reads both sides, and yields what moved in each layer; layers where nothing did are left out.

    Raises:
        UserError: no text has a token, or a layer lies outside the model.
    """
    count = max(config.texts, config.reference_texts)
    inputs = pair.base.inputs(context.texts.first(count).items, max_tokens=config.length)
    if not inputs.mask.any():
        raise UserError("No text has a token.", cure="Give texts that are not empty.")
    layers = list(dict.fromkeys(pair.base.numbers(config.layers)))
    sides = (pair.base, pair.finetuned)
    read = [_read(side, inputs, layers, config.batch_size) for side in sides]
    for layer, base, finetuned in zip(layers, *read, strict=True):
        found = _moved(inputs.to(base.device), layer, base, finetuned, config)
        if len(found.texts):
            yield found


def _read(
    side: Model, inputs: Inputs, layers: list[int], size: int
) -> Float[Tensor, "layers texts length hidden"]:
    assert inputs.ids is not None  # noqa: S101 - texts always give ids
    rows = zip(torch.split(inputs.mask, size), torch.split(inputs.ids, size), strict=True)
    return torch.cat([side.resid(Inputs(mask, ids=ids), layers) for mask, ids in rows], dim=1)


def _moved(
    inputs: Inputs,
    layer: int,
    base: Float[Tensor, "texts length hidden"],
    finetuned: Float[Tensor, "texts length hidden"],
    config: ResidualReachabilityConfig,
) -> Places:
    assert inputs.ids is not None  # noqa: S101 - texts always give ids
    last = inputs.mask.sum(dim=1) - 1
    every = torch.arange(len(last), device=last.device)
    deltas = finetuned[every, last].float() - base[every, last].float()
    moved = (deltas.norm(dim=1) > 0) & (last >= 0)
    texts = moved[: config.texts].nonzero()[:, 0]
    counted = inputs.mask[: config.reference_texts].clone()
    if counted[:, 1:].any():
        counted[:, 0] = False  # a first token's stream is often huge, and like no other's
    return Places(
        layer=layer,
        texts=texts,
        ids=inputs.ids[texts],
        positions=last[texts],
        base=base[texts, last[texts]].float(),
        deltas=deltas[texts],
        stream=base[: config.reference_texts][counted].float(),
    )
