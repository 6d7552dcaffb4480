"""Changes of several positions, made of changes of one that help."""

from collections.abc import Sequence

import torch
from jaxtyping import Int
from torch import Tensor

from diffkit_plugins.steering_prefix.racing import Heat
from diffkit_plugins.steering_prefix.scoring import Scorer, Tried

_PART, _LEAST = 16, 4
"""One merged prefix for so many that a step tries, and how many of them at least."""


def merged(
    scorer: Scorer, prefixes: Int[Tensor, "tried length"], items: Sequence[int], near: Tried
) -> Heat:
    """The leaders of some prefixes, and what the helpful ones among them come to together.

    The change that helps most is made, then that which helps most at another position besides, and
    so on (the multi-coordinate updates of I-GCG, Jia and others 2024, arXiv 2405.21018); each of
    these prefixes is read.

    Args:
        scorer: reads them; merged prefixes are read as far as its budget allows.
        prefixes: at least one, each differing from ``near`` in one position.
        items: which items.
        near: the prefix that they are neighbours of.
    """
    heat = Heat.of_leaders(scorer, prefixes, items, near)
    left = scorer.task.budget.left - scorer.items  # the winner is yet to be read with every item
    count = min(max(len(prefixes) // _PART, _LEAST), left // (len(items) + 1))
    together = merge(heat, near, near.on(items))[: max(count, 0)]
    together = together[scorer.task.space.keeps(together)]
    if not len(together):
        return heat
    return heat.and_also(Heat.of_all(scorer, together, items, near))


def merge(heat: Heat, near: Tried, bar: float) -> Int[Tensor, "merged length"]:
    """The two most helpful changes at different positions together, then the three, and so on.

    Args:
        heat: prefixes that differ from ``near`` in one position each.
        near: where they were changed.
        bar: what helps is below it.
    """
    here = heat.prefixes.new_tensor(near.ids)
    now, changed, found = here, torch.zeros_like(here, dtype=torch.bool), heat.prefixes[:0]
    for number in heat.totals.argsort(stable=True).tolist():
        if heat.totals[number] >= bar:
            break
        change = heat.prefixes[number] != here
        if not (change & changed).any():
            now = torch.where(change, heat.prefixes[number], now)
            changed = changed | change
            found = torch.cat([found, now[None]])
    return found[1:]
