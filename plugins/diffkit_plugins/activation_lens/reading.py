"""What both sides' residual streams are in the slots of a batch, reduced to what is kept of it."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from diffkit import Inputs, ModelPair
from diffkit_plugins.activation_lens.places import Places
from diffkit_plugins.activation_lens.plan import Plan


@dataclass(frozen=True)
class Reading:
    """A batch, text by text; float64 but for the second moment."""

    moved: Float[Tensor, "texts slots layers hidden"]
    """The residual stream's difference, finetuned − base."""
    base: Float[Tensor, "texts slots layers hidden"]
    """The base's residual stream."""
    norms: Float[Tensor, "texts slots layers 2"]
    """The Euclidean norms of a token's residual streams, the base's first."""
    second: Float[Tensor, "blocks hidden hidden"]
    """ΔΔᵀ / ‖base‖² summed over tokens, Δ being the difference at a token; float32, where the base
    lies."""


def read(pair: ModelPair, inputs: Inputs, plan: Plan, places: Places) -> Reading:
    """Reads a batch with both sides, all layers in one pass of each.

    Args:
        pair: both sides.
        inputs: the batch.
        plan: what is read of it.
        places: where the slots are.
    """
    base = pair.base.resid(inputs, plan.blocks).float()
    finetuned = pair.finetuned.resid(inputs, plan.blocks).to(base.device).float()
    moved = finetuned - base
    norms = torch.stack([torch.linalg.vector_norm(side, dim=-1) for side in (base, finetuned)], -1)
    shown = slice(len(plan.layers))
    return Reading(
        places.take(moved[shown]),
        places.take(base[shown]),
        places.take(norms[shown]),
        _second(moved, norms[..., :1], inputs.mask.to(base.device)),
    )


def _second(
    moved: Float[Tensor, "blocks texts seq hidden"],
    norms: Float[Tensor, "blocks texts seq 1"],
    mask: Bool[Tensor, "texts seq"],
) -> Float[Tensor, "blocks hidden hidden"]:
    there = norms[:, mask]
    relative = torch.where(there > 0, moved[:, mask] / there, 0)
    return relative.mT @ relative
