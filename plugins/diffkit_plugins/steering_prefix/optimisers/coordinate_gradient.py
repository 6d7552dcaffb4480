"""Greedy coordinate gradient: one change a step, or all changes that help.

Takes a `SearchTask`. Samples changes by their gains and makes the best, even one that does worse.
"""

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Int
from torch import Tensor

from diffkit_plugins.steering_prefix.config import SearchOptions
from diffkit_plugins.steering_prefix.search.candidates import ScoredBatch, ScoringFunction
from diffkit_plugins.steering_prefix.search.local_search import LocalSearch
from diffkit_plugins.steering_prefix.search.optimiser import (
    PrefixOptimiser,
    SearchResult,
    SearchTask,
)
from diffkit_plugins.steering_prefix.search.proposals import FirstOrderGains, Proposals
from diffkit_plugins.steering_prefix.search.scorer import PrefixScorer, ScoredPrefix

ProposeTokens = Callable[[FirstOrderGains, SearchOptions], Proposals]
"""Gives the tokens that a step draws from."""


def greedy_descent(
    task: SearchTask, propose: ProposeTokens, score: ScoringFunction
) -> SearchResult:
    """Makes the best change of each step, even one that does worse.

    No prefix is tried twice, so the search does not stop where no change helps. The best prefix of
    all steps is the result.

    Args:
        task: the search.
        propose: gives the tokens that candidates are drawn from; they differ in one position.
        score: scores the candidates of a step.
    """
    search = LocalSearch(task)
    while count := search.affordable_candidates(search.scorer.per_step):
        (candidate,) = search.pool.active
        items = search.scorer.sample_items(search.generator)
        gains = search.gains(candidate, search.gradient(candidate, items))
        ids = search.scorer.tensor(candidate.scored.ids)
        drawn = propose(gains, task.options).draw(ids, 2 * count, 1, search.generator)
        scored = search.step(candidate, items, drawn, count, score)
        if scored is None:
            candidate.update(None)
        else:
            candidate.replace(search.complete(scored, items))
        search.end_step(candidate)
    return search.result()


_SHARE, _MINIMUM = 16, 4
"""One combined prefix for so many that a step tries, but no fewer than the minimum."""


def score_combined(
    scorer: PrefixScorer,
    prefixes: Int[Tensor, "prefixes length"],
    items: Sequence[int],
    parent: ScoredPrefix,
) -> ScoredBatch:
    """Scores prefixes, and combinations of the changes that help.

    The change that helps most is made, then the best one at another position in addition, and so on
    (the multi-coordinate updates of I-GCG, Jia and others 2024, arXiv 2405.21018). Each of these
    prefixes is scored.

    Args:
        scorer: scores them; combinations as far as its budget allows.
        prefixes: at least one, each differing from ``parent`` in one position.
        items: items that they are scored on.
        parent: the prefix that they are neighbours of.
    """
    batch = ScoredBatch.score_leaders(scorer, prefixes, items, parent)
    left = scorer.task.budget.remaining - scorer.items  # the best has to be scored on all items
    count = min(max(len(prefixes) // _SHARE, _MINIMUM), left // (len(items) + 1))
    combined = combine_changes(batch, parent, parent.total_on(items))[: max(count, 0)]
    combined = combined[scorer.task.space.accepts(combined)]
    if not len(combined):
        return batch
    return batch.union(ScoredBatch.score_all(scorer, combined, items, parent))


def combine_changes(
    batch: ScoredBatch, parent: ScoredPrefix, threshold: float
) -> Int[Tensor, "combined length"]:
    """Combines the two most helpful changes at different positions, then three, and so on.

    Args:
        batch: prefixes that differ from ``parent`` in one position each.
        parent: the prefix without the changes.
        threshold: changes with a total below it help.
    """
    start = batch.prefixes.new_tensor(parent.ids)
    current, combined = start, batch.prefixes[:0]
    changed = torch.zeros_like(start, dtype=torch.bool)
    for number in batch.totals.argsort(stable=True).tolist():
        if batch.totals[number] >= threshold:
            break
        change = batch.prefixes[number] != start
        if not (change & changed).any():
            current = torch.where(change, batch.prefixes[number], current)
            changed = changed | change
            combined = torch.cat([combined, current[None]])
    return combined[1:]


class GCG(PrefixOptimiser):
    """Changes sampled evenly among the tokens of greatest gain; the best of a step is made.

    As published (Zou and others 2023, arXiv 2307.15043), it is made even if it does worse; the
    best prefix of all steps is the result. There is no momentum, and no restart as long as a
    neighbour is untried.
    """

    def search(self, task: SearchTask) -> SearchResult:
        """Searches until the budget allows no further step."""
        return greedy_descent(
            task, lambda gains, options: gains.top(options.nearest), ScoredBatch.score_all
        )


class MultiCoordinate(PrefixOptimiser):
    """TAO's sampling of candidates, and I-GCG's combination of the changes that help.

    At first many changes help, and a step makes them all; later few do, and the best is made even
    if it does worse, as in GCG. It suits one item, or few: of many items a step scores some only,
    and a change that does worse on those may do worse on all. There is no momentum: a gradient
    costs little compared with the candidates, and past gradients belong to other prefixes.
    """

    def search(self, task: SearchTask) -> SearchResult:
        """Searches until the budget allows no further step."""
        return greedy_descent(
            task,
            lambda gains, options: gains.aligned(options.nearest, options.temperature),
            score_combined,
        )
