"""What random prefixes do."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from diffkit.statistics import conformal_p
from diffkit_plugins.steering_prefix.drawing import random_prefixes
from diffkit_plugins.steering_prefix.objective import Objective
from diffkit_plugins.steering_prefix.search_options import SearchOptions
from diffkit_plugins.steering_prefix.space import TokenSpace

_APART = 3 << 30
"""Keeps these draws apart from a search's; of a seed, torch takes the lower 32 bits."""


@dataclass(frozen=True)
class Chance:
    """The mean losses of random prefixes, the least first; at least one."""

    losses: Float[Tensor, " prefixes"]
    as_short: "Chance | None" = None
    """Random prefixes of as many tokens as pruning left of the one found; none: it left all."""

    @classmethod
    def of(
        cls,
        objective: Objective,
        space: TokenSpace,
        options: SearchOptions,
        seed: int,
        found: Sequence[int],
    ) -> "Chance":
        """Draws prefixes as a search draws its starts, and reads them with every item.

        Args:
            objective: with held-out items.
            space: the tokens that the search may use.
            options: how many, and how long.
            seed: of the draw.
            found: token ids of the prefix that stands beside them.
        """

        def drawn(length: int) -> Float[Tensor, " prefixes"]:
            generator = torch.Generator().manual_seed(_APART + seed)
            prefixes = random_prefixes(space, length, options.random_prefixes, generator)
            losses = objective.losses(prefixes, range(objective.items)).double().mean(dim=1)
            return losses.cpu().sort().values

        short = cls(drawn(len(found))) if len(found) < options.length else None
        return cls(drawn(options.length), short)

    @property
    def best(self) -> float:
        """The least loss."""
        return float(self.losses[0])

    @property
    def median(self) -> float:
        """The loss that half of them are above."""
        return float(self.losses.quantile(0.5))

    def p(self, loss: float) -> float:
        """How likely a random prefix is to do as well: a p-value, exact for one drawn likewise.

        A prefix that was searched for on other items is as good as drawn if it fits those alone.
        Of one that pruning made shorter it says little, since longer random ones may do more
        good or more harm: `as_short` has those to hold it against.
        """
        return conformal_p(-loss, [-float(other) for other in self.losses])
