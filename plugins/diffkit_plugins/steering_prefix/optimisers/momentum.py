"""Candidates along a running mean of gradients: the strongest recipe in published comparisons."""

from jaxtyping import Int
from torch import Tensor

from diffkit_plugins.steering_prefix.search.candidates import PoolCandidate, ScoredBatch
from diffkit_plugins.steering_prefix.search.local_search import LocalSearch
from diffkit_plugins.steering_prefix.search.optimiser import (
    PrefixOptimiser,
    SearchResult,
    SearchTask,
)
from diffkit_plugins.steering_prefix.search.proposals import FirstOrderGains


class Momentum(PrefixOptimiser):
    """MAC's momentum with TAO's draw of candidates, two positions at a time and then one.

    Gradients are averaged over steps (MAC, Zhang and Wei 2024); candidates are drawn among the
    tokens that lie in the direction they point down, the more promising the likelier (TAO-Attack;
    both as compared by Claudini, arXiv 2603.24511). Candidates race over the items of a step.
    Several starts take turns; the worse half is dropped from time to time, and one that has been
    getting no better makes room for another.
    """

    def search(self, task: SearchTask) -> SearchResult:
        """Searches until no step can be paid for."""
        walk = LocalSearch(task, task.options.starts)
        while count := walk.candidates(walk.scorer.per_step):
            walk.pool.narrow(walk.spent)
            lane = walk.pool.next()
            items = walk.scorer.some(walk.chance)
            drawn = _draw_neighbours(walk, lane, items, 2 * count)
            tried = walk.step(lane, items, drawn, count, ScoredBatch.of_leaders)
            better = tried is not None and tried.total < lane.tried.on(items)
            lane.offer(walk.whole(tried, items) if tried is not None and better else None)
            walk.end_step(lane)
        return walk.found()


def _draw_neighbours(
    walk: LocalSearch, lane: PoolCandidate, items: list[int], count: int
) -> Int[Tensor, "count length"]:
    task, options = walk.task, walk.task.options
    ids = walk.scorer.tensor(lane.tried.ids)
    gradient = walk.scorer.gradient(task.space.embeddings[ids], items).gradient.float()
    mean = lane.turn(gradient, options.momentum)
    promises = FirstOrderGains.of(task.space, ids, mean, walk.scorer.promises(ids))
    proposals = promises.aligned(options.nearest, options.temperature)
    return proposals.draw(ids, count, 2 if walk.spent < options.pairs else 1, walk.chance)
