"""Candidates along a running mean of gradients: the strongest recipe in published comparisons."""

import torch
from jaxtyping import Int
from torch import Tensor

from diffkit_plugins.steering_prefix.drawing import fresh, random_prefixes
from diffkit_plugins.steering_prefix.optimiser import Found, Optimiser, Task
from diffkit_plugins.steering_prefix.pool import Lane, Pool
from diffkit_plugins.steering_prefix.promising import Promises
from diffkit_plugins.steering_prefix.record import Record
from diffkit_plugins.steering_prefix.scoring import GRADIENT, Scorer, Tried


class Momentum(Optimiser):
    """MAC's momentum with TAO's draw of candidates, two positions at a time and then one.

    Gradients are averaged over steps (MAC, Zhang and Wei 2024); candidates are drawn among the
    tokens that lie in the direction they point down, the more promising the likelier (TAO-Attack;
    both as compared by Claudini, arXiv 2603.24511). Several starts take turns; the worse half is
    dropped from time to time; one that has been getting no better makes room for another.
    """

    def search(self, task: Task) -> Found:
        """Searches until no step can be paid for."""
        self._task, self._scorer, self._record = task, Scorer(task), Record(task)
        self._chance = torch.Generator().manual_seed(task.seed)
        self._known: set[tuple[int, ...]] = set()
        pool = Pool(self._begin(task.options.starts))
        self._record.note()
        while candidates := self._affordable():
            pool.narrow(task.budget.spent / task.budget.total)
            lane = pool.next()
            lane.offer(self._step(lane, candidates))
            self._record.note()
            pool.relieve(lane, task.options.patience, lambda: self._begin(1)[0])
        return self._record.found()

    def _begin(self, count: int) -> list[Lane]:
        options = self._task.options
        prefixes = random_prefixes(self._task.space, options.length, count, self._chance)
        tried = self._scorer.wholes(prefixes)
        for one in tried:
            self._record.offer(one)
        return [Lane(one) for one in tried]

    def _affordable(self) -> int:
        """Candidates that a step can be given."""
        scorer = self._scorer
        rest = self._task.budget.left - GRADIENT * scorer.per_step - scorer.items - 2
        return max(min(rest // (scorer.per_step + 1), self._task.options.candidates), 0)

    def _step(self, lane: Lane, candidates: int) -> Tried | None:
        """The best neighbour of a lane's prefix on some items, read with all if it looks better."""
        scorer, items = self._scorer, self._scorer.some(self._chance)
        ids = scorer.tensor(lane.tried.ids)
        prefixes = fresh(
            self._task.space, self._draw(lane, ids, items, candidates), candidates, self._known
        )
        if not len(prefixes):
            return None
        losses = scorer.losses(prefixes, items, near=ids)
        penalties = scorer.penalties(prefixes)
        totals = losses.mean(dim=1) + penalties
        best = int(totals.argmin())
        self._known.update(map(tuple, prefixes.tolist()))
        if totals[best] >= lane.tried.losses[items].mean() + lane.tried.penalty:
            return None
        tried = scorer.completed(prefixes[best], items, losses[best], float(penalties[best]))
        self._record.offer(tried)
        return tried

    def _draw(
        self, lane: Lane, ids: Int[Tensor, " length"], items: list[int], candidates: int
    ) -> Int[Tensor, "drawn length"]:
        task, options = self._task, self._task.options
        gradient = self._scorer.gradient(task.space.embeddings[ids], items).gradient.float()
        mean = lane.turn(gradient, options.momentum)
        promises = Promises.of(task.space, ids, mean, self._scorer.promises(ids))
        proposals = promises.aligned(task.space, ids, mean, options.nearest, options.temperature)
        changes = 2 if task.budget.spent < options.pairs * task.budget.total else 1
        return proposals.draw(ids, 2 * candidates, changes, self._chance)
