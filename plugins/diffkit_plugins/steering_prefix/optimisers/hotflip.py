"""HotFlip: the single-token change with the greatest first-order gain.

Takes a `SearchTask`. Tries the changes with the greatest gains at any position.
"""

from diffkit_plugins.steering_prefix.search.candidates import ScoredBatch
from diffkit_plugins.steering_prefix.search.local_search import LocalSearch
from diffkit_plugins.steering_prefix.search.optimiser import (
    PrefixOptimiser,
    SearchResult,
    SearchTask,
)


class HotFlip(PrefixOptimiser):
    """Tries the changes with the greatest gains at any position, and makes the best if it helps.

    After Ebrahimi and others (2018, arXiv 1712.06751). No prefix is tried twice, so after a step
    without success the next changes follow; a candidate that does not improve is replaced by a
    random prefix.
    """

    def search(self, task: SearchTask) -> SearchResult:
        """Searches until the budget allows no further step."""
        search = LocalSearch(task)
        while flip_step(search):
            pass
        return search.result()


def flip_step(search: LocalSearch) -> bool:
    """Runs one step with the only candidate; false if the budget allows none."""
    count = search.affordable_candidates(search.scorer.per_step)
    if not count:
        return False
    (candidate,) = search.pool.active
    items = search.scorer.sample_items(search.generator)
    gains = search.gains(candidate, search.gradient(candidate, items))
    flips = gains.flips(search.task.options.nearest)
    search.improve(candidate, items, flips, count, ScoredBatch.score_all)
    return True
