"""Whether tokens rise in more texts than chance explains: exchanges of the two sides.

Takes each text's rises and falls. Gives the statistic and the familywise p-value of each token.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

LEVEL = 0.05
"""The familywise p-value up to which a token counts as beyond chance."""

TOGETHER = 16
"""Texts whose sums are added to the exchanges' at a time."""

ROUNDING = 1e-9
"""Statistics of an exchange that differ by so little from those that were seen are equal."""


@dataclass
class ExchangeSums:
    """Rises less falls of each token, summed over texts, with the sides exchanged in random texts.

    If finetuning had no direction, the two sides of each text would be exchangeable, all of its
    positions together (Fisher 1935). An exchange turns the sign of what a text adds; float64.
    """

    total: Float[Tensor, " vocabulary"]
    """With the sides as they are, in nats."""
    squares: Float[Tensor, " vocabulary"]
    """The sum of the texts' squares, which no exchange alters."""
    change: Float[Tensor, "permutations vocabulary"]
    """What each permutation adds to the total, for the texts that are not waiting."""
    waiting: Float[Tensor, "together vocabulary"]
    """What exchanges of some texts add. They are added together, since all permutations' sums are
    larger than the processor's cache."""
    exchanged: Float[Tensor, "together permutations"]
    """Which permutations exchange these."""
    count: int = 0
    """The number of texts that wait."""

    @classmethod
    def empty(cls, permutations: int, vocabulary: int, device: torch.device) -> "ExchangeSums":
        """The sums over no texts."""
        rows = 2 + permutations + TOGETHER
        zeros = torch.zeros(rows, vocabulary, dtype=torch.float64, device=device)
        change, waiting = zeros[2 : 2 + permutations], zeros[2 + permutations :]
        return cls(zeros[0], zeros[1], change, waiting, zeros.new_zeros(TOGETHER, permutations))

    def add(
        self,
        rise: Float[Tensor, " vocabulary"],
        fall: Float[Tensor, " vocabulary"],
        exchanged: Float[Tensor, " permutations"],
    ) -> None:
        """Adds one text.

        Args:
            rise: its rises, summed over its positions.
            fall: the same with the sides exchanged.
            exchanged: 1 where a permutation exchanges its sides, 0 elsewhere.
        """
        net = rise - fall
        self.total += net
        self.squares += net.square()
        self.waiting[self.count] = -2 * net
        self.exchanged[self.count] = exchanged
        self.count += 1
        if self.count == TOGETHER:
            self.flush()

    def flush(self) -> None:
        """Adds the texts that wait."""
        self.change.addmm_(self.exchanged[: self.count].T, self.waiting[: self.count])
        self.count = 0


@dataclass(frozen=True)
class ExchangeTest:
    """How consistently each token rises from text to text, against exchanges of the sides.

    The statistic of a token is its sum over texts over the root of its sum of squares: 0 on average
    and of variance 1 under exchanges, regardless of the token's size, so that no token raises the
    bar for others (Efron 1969). p-values are familywise by the step-down procedure of Westfall and
    Young (1993, algorithm 4.1; Romano and Wolf 2005): a token is compared with the largest
    statistic of those tokens only that rise no more consistently than it does.
    """

    consistency: Float[Tensor, " vocabulary"]
    """The statistic: at most the root of the number of texts; 0 for a token that never rose."""
    p: Float[Tensor, " vocabulary"]
    """Familywise p-values."""

    @property
    def beyond(self) -> Bool[Tensor, " vocabulary"]:
        """Whether each token rises beyond chance, at `LEVEL` for all tokens together."""
        return self.p <= LEVEL + ROUNDING


def exchange_test(
    sums: ExchangeSums, wanted: Bool[Tensor, " vocabulary"] | None = None
) -> ExchangeTest:
    """Tests tokens; memory beside the sums is a few numbers for each token.

    Args:
        sums: the sums.
        wanted: the tokens that are tested; the others get the p-value 1. None tests all.
    """
    sums.flush()
    norm = sums.squares.sqrt().clamp(min=torch.finfo(torch.float64).tiny)
    seen = sums.total / norm
    order = seen.argsort(stable=True)  # the least consistent first
    order = order if wanted is None else order[wanted[order]]
    ordered, count = seen[order], torch.zeros_like(seen[order])
    for change in sums.change:  # one at a time: all at once would take twice the memory
        exchanged = ((sums.total + change) / norm)[order]
        count += exchanged.cummax(dim=0).values >= ordered - ROUNDING
    p = (1 + count) / (len(sums.change) + 1)
    # From the most consistent token on, no p-value is below an earlier one's.
    monotone = p.flip(0).cummax(dim=0).values.flip(0)
    return ExchangeTest(seen, torch.ones_like(seen).scatter_(0, order, monotone))
