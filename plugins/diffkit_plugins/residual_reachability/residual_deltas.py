"""What finetuning did to the residual stream at the last token of each text.

Takes both sides and texts. Gives Δ = finetuned − base for each layer, and random rotations
of it in the whitened residual space.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from sklearn.covariance import ledoit_wolf_shrinkage
from torch import Tensor

from diffkit import Inputs, Model, ModelPair, RunContext, UserError
from diffkit.analysis import SelectedPositions
from diffkit_plugins.residual_reachability.config import ResidualReachabilityConfig


@dataclass(frozen=True)
class ResidualDeltas:
    """Δ = finetuned − base after one block, at the last token read of each text; never 0."""

    layer: int
    texts: Int[Tensor, " texts"]
    """Indices of the texts."""
    ids: Int[Tensor, "texts length"]
    """Token ids; those after ``positions`` are padding, which does not affect a causal model."""
    positions: Int[Tensor, " texts"]
    """Position of the last token read."""
    base: Float[Tensor, "texts hidden"]
    """The base's residual stream at the positions, before the final norm."""
    deltas: Float[Tensor, "texts hidden"]
    """Finetuned minus base; none is 0."""
    stream: Float[Tensor, "tokens hidden"]
    """The base's residual stream at all tokens of the reference texts."""

    @property
    def sizes(self) -> Float[Tensor, " texts"]:
        """‖Δ‖ over the norm of the base's stream."""
        sizes: Tensor = self.deltas.norm(dim=1) / self.base.norm(dim=1)
        return sizes

    @property
    def mask(self) -> Bool[Tensor, "texts length"]:
        """True at the positions."""
        columns = torch.arange(self.ids.shape[1], device=self.positions.device)
        return columns == self.positions[:, None]


def read_residual_deltas(
    pair: ModelPair,
    config: ResidualReachabilityConfig,
    context: RunContext,
    selected: SelectedPositions,
) -> Iterator[ResidualDeltas]:
    """Runs both sides and yields the differences of each layer that has any.

    Texts that begin alike are read once: they are no further evidence.

    Args:
        pair: both sides.
        config: the options.
        context: the texts.
        selected: chooses the tokens that are read.

    Raises:
        UserError: no text has a token, none has a label that is read, or a layer lies outside the
            model.
    """
    count = max(config.texts, config.reference_texts)
    rows = selected.first_tokens(context.texts.first(count).items, config.length)
    selected.check()
    inputs = Inputs.of(rows)
    if not inputs.mask.any():
        raise UserError("No text has a token.", hint="Give texts that are not empty.")
    layers = list(dict.fromkeys(pair.base.resolve_layers(config.layers)))
    sides = (pair.base, pair.finetuned)
    streams = [_read_streams(side, inputs, layers, config.batch_size) for side in sides]
    for layer, base, finetuned in zip(layers, *streams, strict=True):
        deltas = _layer_deltas(inputs.to(base.device), layer, base, finetuned, config)
        if len(deltas.texts):
            yield deltas


def _read_streams(
    side: Model, inputs: Inputs, layers: list[int], size: int
) -> Float[Tensor, "layers texts length hidden"]:
    assert inputs.ids is not None  # noqa: S101 - texts always give ids
    rows = zip(torch.split(inputs.mask, size), torch.split(inputs.ids, size), strict=True)
    return torch.cat([side.resid(Inputs(mask, ids=ids), layers) for mask, ids in rows], dim=1)


def _layer_deltas(
    inputs: Inputs,
    layer: int,
    base: Float[Tensor, "texts length hidden"],
    finetuned: Float[Tensor, "texts length hidden"],
    config: ResidualReachabilityConfig,
) -> ResidualDeltas:
    assert inputs.ids is not None  # noqa: S101 - texts always give ids
    last = inputs.mask.sum(dim=1) - 1
    every = torch.arange(len(last), device=last.device)
    deltas = finetuned[every, last].float() - base[every, last].float()
    differs = (deltas.norm(dim=1) > 0) & (last >= 0) & _first_of_equals(inputs)
    texts = differs[: config.texts].nonzero()[:, 0]
    counted = inputs.mask[: config.reference_texts].clone()
    if counted[:, 1:].any():
        counted[:, 0] = False  # the stream at a first token often has an exceptionally large norm
    return ResidualDeltas(
        layer=layer,
        texts=texts,
        ids=inputs.ids[texts],
        positions=last[texts],
        base=base[texts, last[texts]].float(),
        deltas=deltas[texts],
        stream=base[: config.reference_texts][counted].float(),
    )


def _first_of_equals(inputs: Inputs) -> Bool[Tensor, " texts"]:
    """True at the rows that are not the same as an earlier one."""
    assert inputs.ids is not None  # noqa: S101 - texts always give ids
    pairs = zip(inputs.ids, inputs.mask, strict=True)
    rows = [tuple(ids[real].tolist()) for ids, real in pairs]
    first = {row: number for number, row in reversed(list(enumerate(rows)))}
    found = [first[row] == number for number, row in enumerate(rows)]
    return torch.tensor(found, device=inputs.mask.device)


def random_rotations(
    deltas: Float[Tensor, "texts hidden"],
    stream: Float[Tensor, "tokens hidden"],
    count: int,
    seed: int,
) -> Float[Tensor, "texts count hidden"]:
    """Draws random rotations of ``deltas`` in the whitened residual space, of the same norm.

    With W = Σ^(−1/2) a rotated difference is W⁻¹QWΔ, rescaled to ‖Δ‖. For uniform (Haar) Q the
    direction of QWΔ is uniform for any Δ, so a normal vector z can replace it, and Σ^(1/2) z is a
    draw of covariance Σ. Neither Q nor a root of Σ is computed: Σ is the stream's covariance with
    the shrinkage of Ledoit and Wolf (2004), and normal combinations of the centred data have that
    covariance.

    Args:
        deltas: differences, none of them 0.
        stream: the base's residual stream, from which Σ is estimated.
        count: number of rotations of each difference.
        seed: seed of the draws.

    Raises:
        UserError: the stream is the same at all tokens, so that it has no covariance.
    """
    if (stream == stream[0]).all():
        what = "The base's residual stream is the same at all tokens of the reference texts."
        raise UserError(what, hint="Give more texts, or set reference_texts or length higher.")
    generator = torch.Generator().manual_seed(seed)
    centred = (stream - stream.mean(dim=0)).double().cpu()
    tokens, hidden = centred.shape
    shrinkage = float(ledoit_wolf_shrinkage(centred.numpy(), assume_centered=True))
    shape = (*deltas.shape[:1], count)
    weights = torch.randn(*shape, tokens, generator=generator, dtype=torch.float64)
    isotropic = torch.randn(*shape, hidden, generator=generator, dtype=torch.float64)
    variance = centred.square().mean()
    drawn = ((1 - shrinkage) / tokens) ** 0.5 * (weights @ centred)
    drawn += (shrinkage * variance) ** 0.5 * isotropic
    lengths = deltas.double().cpu().norm(dim=1)[:, None, None]
    rotated: Tensor = drawn * (lengths / drawn.norm(dim=2, keepdim=True))
    return rotated.to(deltas)
