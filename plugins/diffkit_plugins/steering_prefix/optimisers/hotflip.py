"""Flips of single tokens by their first-order promise."""

from diffkit_plugins.steering_prefix.search.candidates import ScoredBatch
from diffkit_plugins.steering_prefix.search.local_search import LocalSearch
from diffkit_plugins.steering_prefix.search.optimiser import (
    PrefixOptimiser,
    SearchResult,
    SearchTask,
)
from diffkit_plugins.steering_prefix.search.proposals import FirstOrderGains


class HotFlip(PrefixOptimiser):
    """Tries the flips that promise most, whatever the position, and makes the best if it helps.

    After Ebrahimi and others (2018, arXiv 1712.06751). What was tried is not tried again, so a
    step that fails goes on to the next flips; one that has been getting no better
    begins again at a random prefix.
    """

    def search(self, task: SearchTask) -> SearchResult:
        """Searches until no step can be paid for."""
        walk = LocalSearch(task)
        while flip_step(walk):
            pass
        return walk.found()


def flip_step(walk: LocalSearch) -> bool:
    """One step of the walk's only lane; false where none can be paid for."""
    count, options = walk.candidates(walk.scorer.per_step), walk.task.options
    if not count:
        return False
    (lane,) = walk.pool.live
    items = walk.scorer.some(walk.chance)
    ids = walk.scorer.tensor(lane.tried.ids)
    gradient = walk.scorer.gradient(walk.task.space.embeddings[ids], items).gradient.float()
    promises = FirstOrderGains.of(walk.task.space, ids, gradient, walk.scorer.promises(ids))
    tried = walk.step(lane, items, promises.flips(options.nearest), count, ScoredBatch.of_all)
    better = tried is not None and tried.total < lane.tried.on(items)
    lane.offer(walk.whole(tried, items) if tried is not None and better else None)
    walk.end_step(lane)
    return True
