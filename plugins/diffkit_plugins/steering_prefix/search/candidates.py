"""Comparison of prefixes within a step, and the pool of prefixes that a search improves.

Takes neighbours of a prefix. Gives their losses on the items of a step, and the prefix of the pool
that is improved next.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from diffkit_plugins.steering_prefix.search.scorer import PrefixScorer, ScoredPrefix

LEADER_SHARE = 4
"""One in so many prefixes is scored on the items after the first."""


@dataclass(frozen=True)
class ScoredBatch:
    """Prefixes with their losses on the same items; at least one prefix."""

    prefixes: Int[Tensor, "prefixes length"]
    losses: Float[Tensor, "prefixes items"]
    penalties: Float[Tensor, " prefixes"]

    @classmethod
    def score_all(
        cls,
        scorer: PrefixScorer,
        prefixes: Int[Tensor, "prefixes length"],
        items: Sequence[int],
        parent: ScoredPrefix,
    ) -> "ScoredBatch":
        """Scores each prefix on each item; ``parent`` is the prefix that they are neighbours of."""
        losses = scorer.losses(prefixes, items, parent=scorer.tensor(parent.ids))
        return cls(prefixes, losses, scorer.penalties(prefixes))

    @classmethod
    def score_leaders(
        cls,
        scorer: PrefixScorer,
        prefixes: Int[Tensor, "prefixes length"],
        items: Sequence[int],
        parent: ScoredPrefix,
    ) -> "ScoredBatch":
        """Scores all prefixes on the first item, and the better quarter on the other items."""
        first = cls.score_all(scorer, prefixes, items[:1], parent)
        best = first.totals.argsort(stable=True)[: -(-len(prefixes) // LEADER_SHARE)]
        leaders, losses = prefixes[best.to(prefixes.device)], first.losses[best]
        if len(items) > 1:
            rest = scorer.losses(leaders, items[1:], scorer.tensor(parent.ids))
            losses = torch.cat([losses, rest], dim=1)
        return cls(leaders, losses, first.penalties[best])

    def union(self, other: "ScoredBatch") -> "ScoredBatch":
        """Both batches, which have losses on the same items."""
        return ScoredBatch(
            torch.cat([self.prefixes, other.prefixes]),
            torch.cat([self.losses, other.losses]),
            torch.cat([self.penalties, other.penalties]),
        )

    @property
    def totals(self) -> Float[Tensor, " prefixes"]:
        """Loss and penalty of each prefix, over these items."""
        return self.losses.mean(dim=1) + self.penalties

    @property
    def best(self) -> ScoredPrefix:
        """The best prefix."""
        best = int(self.totals.argmin())
        ids = tuple(self.prefixes[best].tolist())
        return ScoredPrefix(ids, self.losses[best], float(self.penalties[best]))


ScoringFunction = Callable[
    [PrefixScorer, Int[Tensor, "prefixes length"], Sequence[int], ScoredPrefix], ScoredBatch
]
"""Scores neighbours of a prefix on some items; may leave out those that cannot be the best."""


@dataclass
class PoolCandidate:
    """A prefix that a search improves."""

    scored: ScoredPrefix
    """The prefix with its losses on all items."""
    mean: Float[Tensor, "length hidden"] | None = None
    """Running mean of its gradients."""
    stale: int = 0
    """Steps since it last improved."""

    def average(self, gradient: Float[Tensor, "length hidden"], momentum: float) -> Tensor:
        """Adds a gradient to the running mean, and returns the mean."""
        past = gradient if self.mean is None else self.mean.to(gradient.device)
        self.mean = momentum * past + (1 - momentum) * gradient
        return self.mean

    def update(self, scored: ScoredPrefix | None) -> None:
        """Ends a step: takes a prefix that is better; none if the step found none."""
        self.stale += 1
        if scored is not None and scored.total < self.scored.total:
            self.replace(scored)

    def replace(self, scored: ScoredPrefix) -> None:
        """Takes a prefix, even a worse one."""
        self.scored, self.stale = scored, 0


class CandidatePool:
    """Candidates that take turns; the worse half moves to a reserve (successive halving).

    Args:
        active: candidates that take turns; at least one.
        reserve: candidates that no longer do.
        turn: steps taken.
        size: candidates at the beginning; none counts those given.
    """

    def __init__(
        self,
        active: Sequence[PoolCandidate],
        reserve: Sequence[PoolCandidate] = (),
        turn: int = 0,
        size: int | None = None,
    ) -> None:
        self.active, self.reserve, self.turn = list(active), list(reserve), turn
        self.size = size or len(self.active) + len(self.reserve)

    def next(self) -> PoolCandidate:
        """The candidate of the next step."""
        self.turn += 1
        return self.active[self.turn % len(self.active)]

    def halve(self, share: float) -> None:
        """Moves the worse candidates to the reserve.

        All candidates, half of them, a quarter and so on get equal parts of the budget.

        Args:
            share: of the budget that is spent.
        """
        parts = (self.size - 1).bit_length() + 1
        wanted = max(self.size >> int(share * parts), 1)
        if wanted < len(self.active):
            self.active.sort(key=lambda candidate: candidate.scored.total)
            self.reserve += self.active[wanted:]
            del self.active[wanted:]

    def replace_stale(
        self, candidate: PoolCandidate, patience: int, begin: Callable[[], PoolCandidate]
    ) -> None:
        """Replaces a candidate that does not improve by the best of the reserve, or by a new one.

        Args:
            candidate: one of the active ones.
            patience: steps without improvement after which it is replaced.
            begin: makes a new one.
        """
        if candidate.stale < patience:
            return
        self.reserve.sort(key=lambda other: other.scored.total)
        index = self.active.index(candidate)
        self.active[index] = self.reserve.pop(0) if self.reserve else begin()
