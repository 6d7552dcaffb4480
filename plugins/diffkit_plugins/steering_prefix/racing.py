"""The best of the prefixes that a step tries."""

from collections.abc import Sequence

import torch
from jaxtyping import Int
from torch import Tensor

from diffkit_plugins.steering_prefix.scoring import Scorer, Tried

SHARE = 4
"""One in so many is read with the items after the first."""


def best_of(
    scorer: Scorer, prefixes: Int[Tensor, "tried length"], items: Sequence[int], near: Sequence[int]
) -> Tried:
    """The best of some prefixes on some items, each read with all of these.

    Args:
        scorer: reads them.
        prefixes: at least one.
        items: which items.
        near: the prefix that they are neighbours of.
    """
    losses = scorer.losses(prefixes, items, near=scorer.tensor(near))
    penalties = scorer.penalties(prefixes)
    best = int((losses.mean(dim=1) + penalties).argmin())
    return Tried(tuple(prefixes[best].tolist()), losses[best], float(penalties[best]))


def raced(
    scorer: Scorer, prefixes: Int[Tensor, "tried length"], items: Sequence[int], near: Sequence[int]
) -> Tried:
    """The best of some prefixes on some items, as far as the first item tells (a racing heat).

    Args:
        scorer: reads them.
        prefixes: at least one.
        items: which items; all are read with the first of them, the better quarter with the rest.
        near: the prefix that they are neighbours of.
    """
    first = scorer.losses(prefixes, items[:1], near=scorer.tensor(near))
    penalties = scorer.penalties(prefixes)
    ahead = (first[:, 0] + penalties).argsort(stable=True)[: -(-len(prefixes) // SHARE)]
    losses = first[ahead]
    if len(items) > 1:
        rest = scorer.losses(prefixes[ahead.to(prefixes.device)], items[1:], scorer.tensor(near))
        losses = torch.cat([losses, rest], dim=1)
    best = int((losses.mean(dim=1) + penalties[ahead]).argmin())
    winner = int(ahead[best])
    return Tried(tuple(prefixes[winner].tolist()), losses[best], float(penalties[winner]))
