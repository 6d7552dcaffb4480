"""What the choice of texts alone would push up: the sides exchanged in random texts."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

LEVEL = 0.05
"""Share of exchanges in which any token at all may pass the floor."""


@dataclass
class Exchanges:
    """Rises had the sides been exchanged in random texts, summed over texts; float64.

    If finetuning had moved nothing in any one direction, each text's two sides could as well
    have stood the other way round, all its positions together (Fisher 1935).
    """

    total: Float[Tensor, " vocabulary"]
    """With the sides as they are."""
    change: Float[Tensor, "permutations vocabulary"]
    """What each permutation adds to it."""

    @classmethod
    def empty(cls, permutations: int, vocabulary: int, device: torch.device) -> "Exchanges":
        """Of no texts."""
        zeros = torch.zeros(1 + permutations, vocabulary, dtype=torch.float64, device=device)
        return cls(zeros[0], zeros[1:])

    def add(
        self,
        rise: Float[Tensor, " vocabulary"],
        fall: Float[Tensor, " vocabulary"],
        exchanged: Float[Tensor, " permutations"],
    ) -> None:
        """Takes in one text.

        Args:
            rise: its rises, summed over its positions.
            fall: the same with the sides exchanged.
            exchanged: 1 where a permutation exchanges its sides, 0 elsewhere.
        """
        self.total += rise
        self.change.addr_(exchanged.to(fall.device), fall - rise)


@dataclass(frozen=True)
class Floor:
    """What the rises of tokens are held against.

    The largest rise of any token in each exchange bounds all tokens at once (Westfall and Young
    1993).
    """

    maxima: Float[Tensor, " permutations"]
    """The largest rise of any token in each exchange, in descending order."""

    @property
    def height(self) -> float:
        """The rise that a token must exceed for a familywise p of at most `LEVEL`."""
        allowed = int(LEVEL * (len(self.maxima) + 1) + 1e-9)
        return float(self.maxima[allowed - 1])

    def p(self, rises: Float[Tensor, " tokens"]) -> Float[Tensor, " tokens"]:
        """Familywise p-values: how often any token at all rose as far as each of these did."""
        as_far = (self.maxima >= rises[:, None]).sum(dim=1)
        return (1 + as_far.double()) / (len(self.maxima) + 1)


def floor(exchanges: Exchanges, positions: int) -> Floor:
    """The floor of rises per position."""
    # One exchange at a time: all at once would hold them twice.
    maxima = torch.stack([(exchanges.total + change).max() for change in exchanges.change])
    return Floor((maxima / positions).sort(descending=True).values)
