"""State and steps of a local search over neighbouring prefixes.

Takes a `SearchTask`. Tries neighbours of the prefixes of a pool, keeps the best, and can be saved
and resumed.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from jaxtyping import Int, UInt8
from torch import Tensor

from diffkit import Checkpoint
from diffkit_plugins.steering_prefix.search.candidates import (
    CandidatePool,
    PoolCandidate,
    ScoreBatch,
)
from diffkit_plugins.steering_prefix.search.optimiser import SearchResult, SearchTask, TracePoint
from diffkit_plugins.steering_prefix.search.proposals import sample_prefixes, select_untried
from diffkit_plugins.steering_prefix.search.scorer import (
    GRADIENT_COST,
    BestPrefix,
    PrefixScorer,
    ScoredPrefix,
)


@dataclass(frozen=True)
class LocalSearchState:
    """All that a walk needs in order to go on as if it had never stopped."""

    pool: CandidatePool
    known: set[tuple[int, ...]]
    chance: UInt8[Tensor, " bytes"]
    """State of the generator that draws."""
    spent: int
    """Readings taken."""
    best: ScoredPrefix
    trail: list[TracePoint]

    def checkpoint(self) -> Checkpoint:
        """As the run saves it."""
        tensors = {"chance": self.chance, "best": self.best.losses}
        for group, lanes in (("live", self.pool.live), ("aside", self.pool.aside)):
            for number, lane in enumerate(lanes):
                tensors[f"{group}/{number}/losses"] = lane.tried.losses
                if lane.mean is not None:
                    tensors[f"{group}/{number}/mean"] = lane.mean
        state = {
            "live": [_candidate_state(lane) for lane in self.pool.live],
            "aside": [_candidate_state(lane) for lane in self.pool.aside],
            "turn": self.pool.turn,
            "size": self.pool.size,
            "known": sorted(self.known),
            "spent": self.spent,
            "best": {"ids": self.best.ids, "penalty": self.best.penalty},
            "trail": [asdict(point) for point in self.trail],
        }
        apart = {name: tensor.clone() for name, tensor in tensors.items()}  # files share no memory
        return Checkpoint(apart, state)

    @classmethod
    def read(cls, saved: Checkpoint) -> "LocalSearchState":
        """What `checkpoint` gave."""
        state, tensors = saved.state, saved.tensors
        best = ScoredPrefix(tuple(state["best"]["ids"]), tensors["best"], state["best"]["penalty"])
        return cls(
            CandidatePool(
                _candidates(saved, "live"),
                _candidates(saved, "aside"),
                state["turn"],
                state["size"],
            ),
            {tuple(ids) for ids in state["known"]},
            tensors["chance"],
            state["spent"],
            best,
            [TracePoint(**point) for point in state["trail"]],
        )


def _candidate_state(lane: PoolCandidate) -> dict[str, Any]:
    return {"ids": lane.tried.ids, "penalty": lane.tried.penalty, "stale": lane.stale}


def _candidates(saved: Checkpoint, group: str) -> Sequence[PoolCandidate]:
    return [
        PoolCandidate(
            ScoredPrefix(
                tuple(lane["ids"]), saved.tensors[f"{group}/{number}/losses"], lane["penalty"]
            ),
            saved.tensors.get(f"{group}/{number}/mean"),
            lane["stale"],
        )
        for number, lane in enumerate(saved.state[group])
    ]


class LocalSearch:
    """Lanes, the best so far, what was tried, and what draws; it can be saved and gone on with.

    Args:
        task: the search.
        starts: how many random prefixes it begins with.
        given: prefixes that were read, to begin with instead.
        record: the best so far, where the search has read some before.
    """

    def __init__(
        self,
        task: SearchTask,
        starts: int = 1,
        *,
        given: list[ScoredPrefix] | None = None,
        record: BestPrefix | None = None,
    ) -> None:
        self.task, self.scorer, self.record = task, PrefixScorer(task), record or BestPrefix(task)
        self.chance = torch.Generator().manual_seed(task.seed)
        self.known: set[tuple[int, ...]] = set()
        if task.left is None:
            self.pool = CandidatePool(
                [PoolCandidate(one) for one in given] if given else self.begin(starts)
            )
            self.record.note()
        else:
            left = LocalSearchState.read(task.left)
            self.pool, self.known = left.pool, left.known
            self.chance.set_state(left.chance)
            task.budget.spent = left.spent
            self.record.go_on(left.best, left.trail)

    def begin(self, count: int) -> list[PoolCandidate]:
        """Lanes at random prefixes; as many as can be paid for, but at least one."""
        count = max(min(count, self.task.budget.left // (self.scorer.items + 1)), 1)
        length = self.task.options.length
        tried = self.scorer.wholes(sample_prefixes(self.task.space, length, count, self.chance))
        for one in tried:
            self.record.offer(one)
        return [PoolCandidate(one) for one in tried]

    @property
    def spent(self) -> float:
        """Share of the budget that is spent."""
        return self.task.budget.spent / max(self.task.budget.total, 1)

    def candidates(self, gradient_items: int) -> int:
        """How many prefixes the next step can try; 0 where none can be paid for, or there is none.

        Args:
            gradient_items: items that the step takes a gradient at.
        """
        if self.task.space.size < 2:
            return 0
        fixed = GRADIENT_COST * gradient_items + self.scorer.items + 2
        afforded = (self.task.budget.left - fixed) // (self.scorer.per_step + 1)
        return max(min(afforded, self.task.options.candidates), 0)

    def step(
        self,
        lane: PoolCandidate,
        items: list[int],
        drawn: Int[Tensor, "drawn length"],
        count: int,
        read: ScoreBatch,
    ) -> ScoredPrefix | None:
        """The best of a lane's neighbours on some items; none if none of them is new and allowed.

        Args:
            lane: whose neighbours they are.
            items: which items.
            drawn: neighbours; the first of them are tried.
            count: how many are tried.
            read: reads those that are tried.
        """
        prefixes = select_untried(self.task.space, drawn, count, self.known)
        self.known.update(map(tuple, prefixes.tolist()))
        if not len(prefixes):
            return None
        return read(self.scorer, prefixes, items, lane.tried).best

    def whole(self, tried: ScoredPrefix, items: list[int]) -> ScoredPrefix:
        """The same read with every item; it may be the best so far."""
        whole = self.scorer.completed(tried, items)
        self.record.offer(whole)
        return whole

    def end_step(self, lane: PoolCandidate) -> None:
        """Replaces a lane that is stuck, notes how things stand, and lets them be saved."""
        if self.scorer.affords(self.scorer.items + 1):
            self.pool.relieve(lane, self.task.options.patience, lambda: self.begin(1)[0])
        self.record.note()
        self.task.keep(self._checkpoint)

    def found(self) -> SearchResult:
        """The best prefix."""
        return self.record.found()

    def _checkpoint(self) -> Checkpoint:
        return LocalSearchState(
            self.pool,
            self.known,
            self.chance.get_state(),
            self.task.budget.spent,
            self.record.best,
            self.record.trail,
        ).checkpoint()
