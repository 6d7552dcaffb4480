"""From embeddings that are no token's to tokens."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from diffkit_plugins.steering_prefix.space import TokenSpace

_NEXT = 8
"""Nearest tokens of a position among which one is looked for where the nearest do not do."""


def projected(
    space: TokenSpace, embeddings: Float[Tensor, "length hidden"]
) -> Int[Tensor, " length"]:
    """The allowed token with the greatest cosine at each position, whether it reads back or not."""
    return _cosines(space, embeddings).argmax(dim=1)


def settled(
    space: TokenSpace, embeddings: Float[Tensor, "length hidden"]
) -> Int[Tensor, " length"] | None:
    """The same where it reads back; else with one token changed for a near one, at least cost.

    None where no such change does.
    """
    cosines = _cosines(space, embeddings)
    top = cosines.topk(min(_NEXT, space.size), dim=1)
    first, ranks = top.indices[:, 0], top.values.shape[1]
    cost = (top.values[:, :1] - top.values)[:, 1:].flatten()
    order = cost.argsort(stable=True)
    places = torch.div(order, max(ranks - 1, 1), rounding_mode="floor")
    changed = first.repeat(len(order), 1)
    changed[torch.arange(len(order)), places] = top.indices[:, 1:].flatten()[order]
    tried = torch.cat([first[None], changed])
    kept = tried[space.keeps(tried)]
    return kept[0] if len(kept) else None


def _cosines(
    space: TokenSpace, embeddings: Float[Tensor, "length hidden"]
) -> Float[Tensor, "length vocabulary"]:
    unit = torch.nn.functional.normalize
    cosines = unit(embeddings, dim=1) @ unit(space.embeddings, dim=1).T
    return cosines.masked_fill(~space.allowed, -torch.inf)
