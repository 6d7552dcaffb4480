"""A sample of positions, of which no more are kept than were asked for."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Float32, Int
from torch import Tensor

from diffkit_plugins.diff_mining.differences import Largest


@dataclass
class Positions:
    """The positions with the smallest random keys: a uniform sample, whatever order they come in.

    (Bottom-k sampling; Cohen and Kaplan 2007.)
    """

    limit: int
    keys: Float[Tensor, " kept"]
    """In ascending order."""
    tokens: Int[Tensor, "kept k"]
    rises: Float32[Tensor, "kept k"]

    @classmethod
    def empty(cls, limit: int, k: int) -> "Positions":
        """Of none.

        Args:
            limit: how many are kept.
            k: how many tokens each has.
        """
        return cls(
            limit,
            torch.zeros(0, dtype=torch.float64),
            torch.zeros(0, k, dtype=torch.long),
            torch.zeros(0, k),
        )

    def add(self, keys: Float[Tensor, " positions"], best: Largest) -> None:
        """Offers positions.

        Args:
            keys: one random number for each.
            best: what rises there.
        """
        fresh = keys < (self.keys[-1] if len(self.keys) == self.limit else torch.inf)
        if not fresh.any():
            return
        joined = torch.cat([self.keys, keys[fresh]])
        kept = joined.argsort(stable=True)[: self.limit]
        self.keys = joined[kept]
        self.tokens = torch.cat([self.tokens, best.tokens.cpu()[fresh]])[kept]
        self.rises = torch.cat([self.rises, best.rises.cpu()[fresh]])[kept]


@dataclass(frozen=True)
class Chance:
    """The random numbers of one text, the same whatever is read besides it."""

    exchanged: Float[Tensor, " permutations"]
    """1 where a permutation exchanges the text's sides, 0 elsewhere."""
    keys: Float[Tensor, " positions"]
    """A key for each of its positions, from 0 to 1."""


def chance(seed: int, text: int, permutations: int, positions: int) -> Chance:
    """The random numbers of a text.

    Args:
        seed: the run's seed.
        text: the text's number in the suite.
        permutations: how many exchanges there are.
        positions: how many positions the text has.
    """
    generator = np.random.default_rng([abs(seed), text])
    exchanged = torch.from_numpy(generator.integers(0, 2, permutations)).double()
    return Chance(exchanged, torch.from_numpy(generator.random(positions)))
