"""Patchscope: a direction is written into identity prompts, and the model says it."""

from dataclasses import dataclass
from itertools import combinations
from statistics import fmean

import torch
from jaxtyping import Float
from torch import Tensor

from diffkit import Model
from diffkit_plugins.activation_lens.config import ActivationLensConfig
from diffkit_plugins.activation_lens.direction import Direction
from diffkit_plugins.activation_lens.identity import IdentityPrompts


@dataclass(frozen=True)
class Patched:
    """What was said at one scale."""

    direction: Direction
    scale: float
    """Length of what was written, in multiples of the stream's typical norm."""
    scores: Float[Tensor, " vocabulary"]
    """How much more likely than after random vectors a token is in the prompt where it is so
    least, in nats, float64."""
    agreement: float
    """Mean overlap (Jaccard) of the prompts' best tokens, less that of random vectors."""


def patchscope(
    side: Model,
    prompts: IdentityPrompts,
    direction: Direction,
    config: ActivationLensConfig,
    seed: int,
) -> Patched:
    """Writes the direction at every scale and keeps the one on which the prompts agree most.

    Args:
        side: who reads.
        prompts: identity prompts.
        direction: what is written, beside random directions of the same norm.
        config: scales, controls, and how many tokens are best.
        seed: seed of the random directions.
    """
    generator = torch.Generator().manual_seed(seed)
    controls = [direction.random(generator).unit for _ in range(config.controls)]
    units = torch.stack([direction.unit, *controls])
    tried = []
    for scale in config.patchscope_scales:
        said = prompts.patched(side, direction.layer, units * (scale * direction.norm))
        # each vector against the others' mean, so that its own share is not in it
        promoted = (said - said.mean(dim=1, keepdim=True)) * len(units) / (len(units) - 1)
        own, *random = (_agreement(each, config.tokens) for each in promoted.unbind(dim=1))
        least = promoted[:, 0].amin(dim=0)
        tried.append(Patched(direction, scale, least, own - fmean(random)))
    return max(tried, key=lambda patched: patched.agreement)


def _agreement(promoted: Float[Tensor, "prompts vocabulary"], count: int) -> float:
    """Mean Jaccard overlap of the best tokens of each two prompts."""
    rows = promoted.topk(min(count, promoted.shape[-1]), dim=-1).indices.tolist()
    best = [frozenset(row) for row in rows]
    return fmean(len(one & other) / len(one | other) for one, other in combinations(best, 2))
