"""Greedy coordinate gradient: one change a step, or all changes that help.

Takes a `SearchTask`. Draws changes along the gradient and makes the best, even one that does worse.
"""

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Int
from torch import Tensor

from diffkit_plugins.steering_prefix.config import SearchOptions
from diffkit_plugins.steering_prefix.search.candidates import ScoreBatch, ScoredBatch
from diffkit_plugins.steering_prefix.search.local_search import LocalSearch
from diffkit_plugins.steering_prefix.search.optimiser import (
    PrefixOptimiser,
    SearchResult,
    SearchTask,
)
from diffkit_plugins.steering_prefix.search.proposals import FirstOrderGains, Proposals
from diffkit_plugins.steering_prefix.search.scorer import PrefixScorer, ScoredPrefix

ProposeTokens = Callable[[FirstOrderGains, SearchOptions], Proposals]
"""Which tokens a step draws from."""


def greedy_descent(task: SearchTask, propose: ProposeTokens, read: ScoreBatch) -> SearchResult:
    """Searches until no step can be paid for; the best prefix of all steps is the result.

    No prefix is tried twice, so the search does not stay where nothing helps.

    Args:
        task: the search.
        propose: says what the candidates of a step, which differ in one position, are drawn from.
        read: reads them.
    """
    walk = LocalSearch(task)
    while count := walk.candidates(walk.scorer.per_step):
        (lane,) = walk.pool.live
        items = walk.scorer.some(walk.chance)
        ids = walk.scorer.tensor(lane.tried.ids)
        gradient = walk.scorer.gradient(task.space.embeddings[ids], items).gradient.float()
        promises = FirstOrderGains.of(task.space, ids, gradient, walk.scorer.promises(ids))
        drawn = propose(promises, task.options).draw(ids, 2 * count, 1, walk.chance)
        tried = walk.step(lane, items, drawn, count, read)
        if tried is None:
            lane.offer(None)
        else:
            lane.move(walk.whole(tried, items))
        walk.end_step(lane)
    return walk.found()


_PART, _LEAST = 16, 4
"""One merged prefix for so many that a step tries, and how many of them at least."""


def score_combined(
    scorer: PrefixScorer,
    prefixes: Int[Tensor, "tried length"],
    items: Sequence[int],
    near: ScoredPrefix,
) -> ScoredBatch:
    """The leaders of some prefixes, and what the helpful ones among them come to together.

    The change that helps most is made, then that which helps most at another position besides, and
    so on (the multi-coordinate updates of I-GCG, Jia and others 2024, arXiv 2405.21018); each of
    these prefixes is read.

    Args:
        scorer: reads them; merged prefixes are read as far as its budget allows.
        prefixes: at least one, each differing from ``near`` in one position.
        items: which items.
        near: the prefix that they are neighbours of.
    """
    heat = ScoredBatch.of_leaders(scorer, prefixes, items, near)
    left = scorer.task.budget.left - scorer.items  # the winner is yet to be read with every item
    count = min(max(len(prefixes) // _PART, _LEAST), left // (len(items) + 1))
    together = combine_changes(heat, near, near.on(items))[: max(count, 0)]
    together = together[scorer.task.space.keeps(together)]
    if not len(together):
        return heat
    return heat.and_also(ScoredBatch.of_all(scorer, together, items, near))


def combine_changes(
    heat: ScoredBatch, near: ScoredPrefix, bar: float
) -> Int[Tensor, "merged length"]:
    """The two most helpful changes at different positions together, then the three, and so on.

    Args:
        heat: prefixes that differ from ``near`` in one position each.
        near: where they were changed.
        bar: what helps is below it.
    """
    here = heat.prefixes.new_tensor(near.ids)
    now, changed, found = here, torch.zeros_like(here, dtype=torch.bool), heat.prefixes[:0]
    for number in heat.totals.argsort(stable=True).tolist():
        if heat.totals[number] >= bar:
            break
        change = heat.prefixes[number] != here
        if not (change & changed).any():
            now = torch.where(change, heat.prefixes[number], now)
            changed = changed | change
            found = torch.cat([found, now[None]])
    return found[1:]


class GCG(PrefixOptimiser):
    """Swaps drawn evenly among the most promising of each position; the best of a step is made.

    As published (Zou and others 2023, arXiv 2307.15043), it is made even if it does worse; the
    best prefix of all steps is the result. There is no momentum, and no other start as long as
    any neighbour is left to be tried.
    """

    def search(self, task: SearchTask) -> SearchResult:
        """Searches until no step can be paid for."""
        return greedy_descent(
            task, lambda promises, chosen: promises.best(chosen.nearest), ScoredBatch.of_all
        )


class MultiCoordinate(PrefixOptimiser):
    """TAO's draw of candidates and I-GCG's merging of the helpful ones; it never stays.

    Early on many changes help, and a step makes them all; later hardly any does, and the best is
    made even if it does worse, as in GCG. Best where there is one item, or few: of many, a step
    sees some alone, and what does worse on those may do worse on all. No momentum: a gradient
    costs next to nothing beside the candidates, and past ones belong to other prefixes.
    """

    def search(self, task: SearchTask) -> SearchResult:
        """Searches until no step can be paid for."""
        return greedy_descent(
            task,
            lambda promises, chosen: promises.aligned(chosen.nearest, chosen.temperature),
            score_combined,
        )
