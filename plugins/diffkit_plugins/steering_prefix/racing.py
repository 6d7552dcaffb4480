"""The best of the prefixes that a step tries."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from diffkit_plugins.steering_prefix.scoring import Scorer, Tried

SHARE = 4
"""One in so many is read with the items after the first."""


@dataclass(frozen=True)
class Heat:
    """Prefixes read with the same items; at least one."""

    prefixes: Int[Tensor, "tried length"]
    losses: Float[Tensor, "tried items"]
    penalties: Float[Tensor, " tried"]

    @classmethod
    def of_all(
        cls,
        scorer: Scorer,
        prefixes: Int[Tensor, "tried length"],
        items: Sequence[int],
        near: Tried,
    ) -> "Heat":
        """Reads each prefix with each of the items; ``near`` is what they are neighbours of."""
        losses = scorer.losses(prefixes, items, near=scorer.tensor(near.ids))
        return cls(prefixes, losses, scorer.penalties(prefixes))

    @classmethod
    def of_leaders(
        cls,
        scorer: Scorer,
        prefixes: Int[Tensor, "tried length"],
        items: Sequence[int],
        near: Tried,
    ) -> "Heat":
        """Reads all with the first item, and the better quarter with the rest (a racing heat)."""
        first = cls.of_all(scorer, prefixes, items[:1], near)
        ahead = first.totals.argsort(stable=True)[: -(-len(prefixes) // SHARE)]
        leaders, losses = prefixes[ahead.to(prefixes.device)], first.losses[ahead]
        if len(items) > 1:
            rest = scorer.losses(leaders, items[1:], scorer.tensor(near.ids))
            losses = torch.cat([losses, rest], dim=1)
        return cls(leaders, losses, first.penalties[ahead])

    def and_also(self, other: "Heat") -> "Heat":
        """Both, which were read with the same items."""
        return Heat(
            torch.cat([self.prefixes, other.prefixes]),
            torch.cat([self.losses, other.losses]),
            torch.cat([self.penalties, other.penalties]),
        )

    @property
    def totals(self) -> Float[Tensor, " tried"]:
        """What a search lowers, over these items."""
        return self.losses.mean(dim=1) + self.penalties

    @property
    def best(self) -> Tried:
        """The best prefix."""
        best = int(self.totals.argmin())
        ids = tuple(self.prefixes[best].tolist())
        return Tried(ids, self.losses[best], float(self.penalties[best]))


Read = Callable[[Scorer, Int[Tensor, "tried length"], Sequence[int], Tried], Heat]
"""Reads neighbours of a prefix with some items, or as many of them as may be the best."""
