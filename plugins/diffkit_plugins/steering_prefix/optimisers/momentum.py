"""Momentum: candidates along a running mean of gradients, the best in published comparisons.

Takes a `SearchTask`. Improves several prefixes in turn, of which the worse half is dropped from
time to time.
"""

from jaxtyping import Int
from torch import Tensor

from diffkit_plugins.steering_prefix.search.candidates import PoolCandidate, ScoredBatch
from diffkit_plugins.steering_prefix.search.local_search import LocalSearch
from diffkit_plugins.steering_prefix.search.optimiser import (
    PrefixOptimiser,
    SearchResult,
    SearchTask,
)


class Momentum(PrefixOptimiser):
    """MAC's momentum with TAO's sampling of candidates, two positions at a time and then one.

    Gradients are averaged over steps (MAC, Zhang and Wei 2024); candidates are sampled among the
    tokens in the direction of descent, those with greater gains more often (TAO-Attack; both as
    compared by Claudini, arXiv 2603.24511). Only the best candidates on the first item of a step
    are scored on its other items. Several starts take turns; the worse half is dropped from time
    to time, and a start that does not improve is replaced.
    """

    def search(self, task: SearchTask) -> SearchResult:
        """Searches until the budget allows no further step."""
        search = LocalSearch(task, task.options.starts)
        while count := search.affordable_candidates(search.scorer.per_step):
            search.pool.halve(search.spent)
            candidate = search.pool.next()
            items = search.scorer.sample_items(search.generator)
            drawn = _draw_neighbours(search, candidate, items, 2 * count)
            search.improve(candidate, items, drawn, count, ScoredBatch.score_leaders)
        return search.result()


def _draw_neighbours(
    search: LocalSearch, candidate: PoolCandidate, items: list[int], count: int
) -> Int[Tensor, "count length"]:
    options = search.task.options
    mean = candidate.average(search.gradient(candidate, items), options.momentum)
    proposals = search.gains(candidate, mean).aligned(options.nearest, options.temperature)
    ids = search.scorer.tensor(candidate.scored.ids)
    return proposals.draw(ids, count, 2 if search.spent < options.pairs else 1, search.generator)
