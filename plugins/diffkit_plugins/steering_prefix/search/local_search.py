"""State and steps of a local search over neighbouring prefixes.

Takes a `SearchTask`. Tries neighbours of the prefixes of a pool, keeps the best, and can be saved
and resumed.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from diffkit import Checkpoint
from diffkit_plugins.steering_prefix.search.candidates import (
    CandidatePool,
    PoolCandidate,
    ScoringFunction,
)
from diffkit_plugins.steering_prefix.search.optimiser import SearchResult, SearchTask, TracePoint
from diffkit_plugins.steering_prefix.search.proposals import (
    FirstOrderGains,
    sample_prefixes,
    select_untried,
)
from diffkit_plugins.steering_prefix.search.scorer import (
    GRADIENT_COST,
    BestPrefix,
    PrefixScorer,
    ScoredPrefix,
)


@dataclass(frozen=True)
class LocalSearchState:
    """The state from which an interrupted local search continues with the same results."""

    pool: CandidatePool
    known: set[tuple[int, ...]]
    """Prefixes that were tried."""
    generator: UInt8[Tensor, " bytes"]
    """State of the random number generator."""
    spent: int
    """Readings taken."""
    best: ScoredPrefix
    trace: list[TracePoint]

    def checkpoint(self) -> Checkpoint:
        """As tensors and JSON, for the checkpoint of the run."""
        tensors = {"chance": self.generator, "best": self.best.losses}
        for group, candidates in (("live", self.pool.active), ("aside", self.pool.reserve)):
            for number, candidate in enumerate(candidates):
                tensors[f"{group}/{number}/losses"] = candidate.scored.losses
                if candidate.mean is not None:
                    tensors[f"{group}/{number}/mean"] = candidate.mean
        state = {
            "live": [_candidate_state(candidate) for candidate in self.pool.active],
            "aside": [_candidate_state(candidate) for candidate in self.pool.reserve],
            "turn": self.pool.turn,
            "size": self.pool.size,
            "known": sorted(self.known),
            "spent": self.spent,
            "best": {"ids": self.best.ids, "penalty": self.best.penalty},
            "trail": [asdict(point) for point in self.trace],
        }
        copies = {name: tensor.clone() for name, tensor in tensors.items()}  # files share no memory
        return Checkpoint(copies, state)

    @classmethod
    def read(cls, saved: Checkpoint) -> "LocalSearchState":
        """Restores a state from what `checkpoint` gave."""
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


def _candidate_state(candidate: PoolCandidate) -> dict[str, Any]:
    return {
        "ids": candidate.scored.ids,
        "penalty": candidate.scored.penalty,
        "stale": candidate.stale,
    }


def _candidates(saved: Checkpoint, group: str) -> Sequence[PoolCandidate]:
    return [
        PoolCandidate(
            ScoredPrefix(
                tuple(candidate["ids"]),
                saved.tensors[f"{group}/{number}/losses"],
                candidate["penalty"],
            ),
            saved.tensors.get(f"{group}/{number}/mean"),
            candidate["stale"],
        )
        for number, candidate in enumerate(saved.state[group])
    ]


class LocalSearch:
    """A search over neighbours of the prefixes of a pool, which can be saved and resumed.

    Args:
        task: the search.
        starts: random prefixes at the beginning.
        given: scored prefixes to begin with instead.
        record: the best prefix so far, if the search has scored some before.
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
        self.generator = torch.Generator().manual_seed(task.seed)
        self.known: set[tuple[int, ...]] = set()
        if task.checkpoint is not None:
            self._restore(LocalSearchState.read(task.checkpoint))
            return
        self.pool = CandidatePool([*map(PoolCandidate, given)] if given else self.start(starts))
        self.record.log_step()

    def _restore(self, state: LocalSearchState) -> None:
        self.pool, self.known = state.pool, state.known
        self.generator.set_state(state.generator)
        self.task.budget.spent = state.spent
        self.record.restore(state.best, state.trace)

    def start(self, count: int) -> list[PoolCandidate]:
        """Candidates at random prefixes: as many as the budget allows, but at least one."""
        count = max(min(count, self.task.budget.remaining // (self.scorer.items + 1)), 1)
        length = self.task.options.length
        scored = self.scorer.score(sample_prefixes(self.task.space, length, count, self.generator))
        for one in scored:
            self.record.update(one)
        return [PoolCandidate(one) for one in scored]

    @property
    def spent(self) -> float:
        """Share of the budget that is spent."""
        return self.task.budget.spent / max(self.task.budget.total, 1)

    def affordable_candidates(self, gradient_items: int) -> int:
        """How many prefixes the next step can try within the budget; 0 ends the search.

        Args:
            gradient_items: items at which the step computes a gradient.
        """
        if self.task.space.size < 2:
            return 0
        fixed = GRADIENT_COST * gradient_items + self.scorer.items + 2
        affordable = (self.task.budget.remaining - fixed) // (self.scorer.per_step + 1)
        return max(min(affordable, self.task.options.candidates), 0)

    def gradient(
        self, candidate: PoolCandidate, items: Sequence[int]
    ) -> Float[Tensor, "length hidden"]:
        """The gradient of the loss on some items at a candidate's embeddings."""
        embeddings = self.task.space.embeddings[self.scorer.tensor(candidate.scored.ids)]
        return self.scorer.gradient(embeddings, items).gradient.float()

    def gains(
        self, candidate: PoolCandidate, gradient: Float[Tensor, "length hidden"]
    ) -> FirstOrderGains:
        """First-order gains of all single changes of a candidate, penalties included."""
        ids = self.scorer.tensor(candidate.scored.ids)
        penalties = self.scorer.penalty_gains(ids)
        return FirstOrderGains.of(self.task.space, ids, gradient, penalties)

    def step(
        self,
        candidate: PoolCandidate,
        items: list[int],
        drawn: Int[Tensor, "drawn length"],
        count: int,
        score: ScoringFunction,
    ) -> ScoredPrefix | None:
        """Scores neighbours of a candidate, and returns the best; none if none is new and allowed.

        Args:
            candidate: the prefix that they are neighbours of.
            items: items that they are scored on.
            drawn: neighbours; the first of them are tried.
            count: how many are tried.
            score: scores those that are tried.
        """
        prefixes = select_untried(self.task.space, drawn, count, self.known)
        self.known.update(map(tuple, prefixes.tolist()))
        if not len(prefixes):
            return None
        return score(self.scorer, prefixes, items, candidate.scored).best

    def improve(
        self,
        candidate: PoolCandidate,
        items: list[int],
        drawn: Int[Tensor, "drawn length"],
        count: int,
        score: ScoringFunction,
    ) -> None:
        """Runs a step, whose arguments these are, and takes its best neighbour if it is better."""
        scored = self.step(candidate, items, drawn, count, score)
        better = scored is not None and scored.total < candidate.scored.total_on(items)
        candidate.update(self.complete(scored, items) if scored is not None and better else None)
        self.end_step(candidate)

    def complete(self, scored: ScoredPrefix, items: list[int]) -> ScoredPrefix:
        """Scores a prefix on the remaining items too, and keeps it if it is the best so far."""
        completed = self.scorer.complete(scored, items)
        self.record.update(completed)
        return completed

    def end_step(self, candidate: PoolCandidate) -> None:
        """Ends a step: replaces a candidate that does not improve, logs, and saves a checkpoint."""
        if self.scorer.affords(self.scorer.items + 1):
            self.pool.replace_stale(candidate, self.task.options.patience, lambda: self.start(1)[0])
        self.record.log_step()
        self.task.save_checkpoint(self._checkpoint)

    def result(self) -> SearchResult:
        """The best prefix."""
        return self.record.result()

    def _checkpoint(self) -> Checkpoint:
        return LocalSearchState(
            self.pool,
            self.known,
            self.generator.get_state(),
            self.task.budget.spent,
            self.record.best,
            self.record.trace,
        ).checkpoint()
