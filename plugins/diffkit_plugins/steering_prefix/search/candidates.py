"""Prefixes that are compared in a step, and the pool of those that a search improves.

Takes neighbours of a prefix. Gives their losses on the items of a step, and which prefix of the
pool is improved next.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from diffkit_plugins.steering_prefix.search.scorer import PrefixScorer, ScoredPrefix

LEADER_SHARE = 4
"""One in so many is read with the items after the first."""


@dataclass(frozen=True)
class ScoredBatch:
    """Prefixes read with the same items; at least one."""

    prefixes: Int[Tensor, "tried length"]
    losses: Float[Tensor, "tried items"]
    penalties: Float[Tensor, " tried"]

    @classmethod
    def of_all(
        cls,
        scorer: PrefixScorer,
        prefixes: Int[Tensor, "tried length"],
        items: Sequence[int],
        near: ScoredPrefix,
    ) -> "ScoredBatch":
        """Reads each prefix with each of the items; ``near`` is what they are neighbours of."""
        losses = scorer.losses(prefixes, items, near=scorer.tensor(near.ids))
        return cls(prefixes, losses, scorer.penalties(prefixes))

    @classmethod
    def of_leaders(
        cls,
        scorer: PrefixScorer,
        prefixes: Int[Tensor, "tried length"],
        items: Sequence[int],
        near: ScoredPrefix,
    ) -> "ScoredBatch":
        """Reads all with the first item, and the better quarter with the rest (a racing heat)."""
        first = cls.of_all(scorer, prefixes, items[:1], near)
        ahead = first.totals.argsort(stable=True)[: -(-len(prefixes) // LEADER_SHARE)]
        leaders, losses = prefixes[ahead.to(prefixes.device)], first.losses[ahead]
        if len(items) > 1:
            rest = scorer.losses(leaders, items[1:], scorer.tensor(near.ids))
            losses = torch.cat([losses, rest], dim=1)
        return cls(leaders, losses, first.penalties[ahead])

    def and_also(self, other: "ScoredBatch") -> "ScoredBatch":
        """Both, which were read with the same items."""
        return ScoredBatch(
            torch.cat([self.prefixes, other.prefixes]),
            torch.cat([self.losses, other.losses]),
            torch.cat([self.penalties, other.penalties]),
        )

    @property
    def totals(self) -> Float[Tensor, " tried"]:
        """What a search lowers, over these items."""
        return self.losses.mean(dim=1) + self.penalties

    @property
    def best(self) -> ScoredPrefix:
        """The best prefix."""
        best = int(self.totals.argmin())
        ids = tuple(self.prefixes[best].tolist())
        return ScoredPrefix(ids, self.losses[best], float(self.penalties[best]))


ScoreBatch = Callable[
    [PrefixScorer, Int[Tensor, "tried length"], Sequence[int], ScoredPrefix], ScoredBatch
]
"""Reads neighbours of a prefix with some items, or as many of them as may be the best."""


@dataclass
class PoolCandidate:
    """One prefix on its way down."""

    tried: ScoredPrefix
    """Where it stands."""
    mean: Float[Tensor, "length hidden"] | None = None
    """Running mean of its gradients."""
    stale: int = 0
    """Steps since it last got better."""

    def turn(self, gradient: Float[Tensor, "length hidden"], momentum: float) -> Tensor:
        """Takes a gradient into the running mean, and gives that."""
        past = gradient if self.mean is None else self.mean.to(gradient.device)
        self.mean = momentum * past + (1 - momentum) * gradient
        return self.mean

    def offer(self, tried: ScoredPrefix | None) -> None:
        """Ends a step: takes a prefix that is better; none says that there was no such."""
        self.stale += 1
        if tried is not None and tried.total < self.tried.total:
            self.move(tried)

    def move(self, tried: ScoredPrefix) -> None:
        """Goes to a prefix, be it better or not."""
        self.tried, self.stale = tried, 0


class CandidatePool:
    """Lanes in turn; from time to time the worse half is set aside (successive halving).

    Args:
        live: lanes that take turns; at least one.
        aside: lanes that were set aside.
        turn: steps taken.
        size: lanes that it began with; none counts those given.
    """

    def __init__(
        self,
        live: Sequence[PoolCandidate],
        aside: Sequence[PoolCandidate] = (),
        turn: int = 0,
        size: int | None = None,
    ) -> None:
        self.live, self.aside, self.turn = list(live), list(aside), turn
        self.size = size or len(self.live) + len(self.aside)

    def next(self) -> PoolCandidate:
        """Whose turn it is."""
        self.turn += 1
        return self.live[self.turn % len(self.live)]

    def narrow(self, share: float) -> None:
        """Sets the worse ones aside: all, half of them, a quarter, … get equal parts of a budget.

        Args:
            share: of the budget that is spent.
        """
        parts = (self.size - 1).bit_length() + 1
        wanted = max(self.size >> int(share * parts), 1)
        if wanted < len(self.live):
            self.live.sort(key=lambda lane: lane.tried.total)
            self.aside += self.live[wanted:]
            del self.live[wanted:]

    def relieve(
        self, lane: PoolCandidate, patience: int, begin: Callable[[], PoolCandidate]
    ) -> None:
        """Lets another lane have the place of one that has been getting no better.

        That is the best of those set aside, or a new one.

        Args:
            lane: one of the live ones.
            patience: steps without getting better after which it goes.
            begin: makes a new one.
        """
        if lane.stale < patience:
            return
        self.aside.sort(key=lambda other: other.tried.total)
        place = self.live.index(lane)
        self.live[place] = self.aside.pop(0) if self.aside else begin()
