"""Greedy coordinate gradient, the common yardstick."""

from diffkit_plugins.steering_prefix.optimiser import Found, Optimiser, Task
from diffkit_plugins.steering_prefix.promising import Promises
from diffkit_plugins.steering_prefix.walk import Walk


class GCG(Optimiser):
    """Swaps drawn evenly among the most promising of each position; the best of a step is made.

    As published (Zou and others 2023, arXiv 2307.15043), it is made even if it does worse; the
    best prefix of all steps is the result. There is no momentum, and no other start as long as
    any neighbour is left to be tried.
    """

    def search(self, task: Task) -> Found:
        """Searches until no step can be paid for."""
        walk = Walk(task)
        while count := walk.candidates(walk.scorer.per_step):
            (lane,) = walk.pool.live
            items = walk.scorer.some(walk.chance)
            ids = walk.scorer.tensor(lane.tried.ids)
            gradient = walk.scorer.gradient(task.space.embeddings[ids], items).gradient.float()
            promises = Promises.of(task.space, ids, gradient, walk.scorer.promises(ids))
            drawn = promises.best(task.options.nearest).draw(ids, 2 * count, 1, walk.chance)
            tried = walk.step(lane, items, drawn, count)
            if tried is None:
                lane.offer(None)
            else:
                lane.move(walk.whole(tried, items))
            walk.end_step(lane)
        return walk.found()
