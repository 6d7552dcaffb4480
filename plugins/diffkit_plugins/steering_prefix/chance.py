"""What random prefixes of the length that is searched for do."""

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

    @classmethod
    def of(
        cls, objective: Objective, space: TokenSpace, options: SearchOptions, seed: int
    ) -> "Chance":
        """Draws prefixes as a search draws its starts, and reads them with every item.

        Args:
            objective: with held-out items.
            space: the tokens that the search may use.
            options: how many, and how long.
            seed: of the draw.
        """
        generator = torch.Generator().manual_seed(_APART + seed)
        prefixes = random_prefixes(space, options.length, options.random_prefixes, generator)
        losses = objective.losses(prefixes, range(objective.items)).double().mean(dim=1)
        return cls(losses.cpu().sort().values)

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
        One that pruning made shorter stands beside longer ones: these do better as a rule,
        so p is then too large rather than too small.
        """
        return conformal_p(-loss, [-float(other) for other in self.losses])
