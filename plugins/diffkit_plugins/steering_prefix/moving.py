"""Descent that makes the best change of each step, be it for the better or not."""

from collections.abc import Callable

from diffkit_plugins.steering_prefix.drawing import Proposals
from diffkit_plugins.steering_prefix.optimiser import Found, Task
from diffkit_plugins.steering_prefix.promising import Promises
from diffkit_plugins.steering_prefix.racing import Read
from diffkit_plugins.steering_prefix.search_options import SearchOptions
from diffkit_plugins.steering_prefix.walk import Walk

Propose = Callable[[Promises, SearchOptions], Proposals]
"""Which tokens a step draws from."""


def move(task: Task, propose: Propose, read: Read) -> Found:
    """Searches until no step can be paid for; the best prefix of all steps is the result.

    No prefix is tried twice, so the search does not stay where nothing helps.

    Args:
        task: the search.
        propose: says what the candidates of a step, which differ in one position, are drawn from.
        read: reads them.
    """
    walk = Walk(task)
    while count := walk.candidates(walk.scorer.per_step):
        (lane,) = walk.pool.live
        items = walk.scorer.some(walk.chance)
        ids = walk.scorer.tensor(lane.tried.ids)
        gradient = walk.scorer.gradient(task.space.embeddings[ids], items).gradient.float()
        promises = Promises.of(task.space, ids, gradient, walk.scorer.promises(ids))
        drawn = propose(promises, task.options).draw(ids, 2 * count, 1, walk.chance)
        tried = walk.step(lane, items, drawn, count, read)
        if tried is None:
            lane.offer(None)
        else:
            lane.move(walk.whole(tried, items))
        walk.end_step(lane)
    return walk.found()
