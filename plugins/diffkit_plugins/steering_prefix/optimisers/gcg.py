"""Greedy coordinate gradient, the common yardstick."""

from diffkit_plugins.steering_prefix.moving import move
from diffkit_plugins.steering_prefix.optimiser import Found, Optimiser, Task
from diffkit_plugins.steering_prefix.racing import Heat


class GCG(Optimiser):
    """Swaps drawn evenly among the most promising of each position; the best of a step is made.

    As published (Zou and others 2023, arXiv 2307.15043), it is made even if it does worse; the
    best prefix of all steps is the result. There is no momentum, and no other start as long as
    any neighbour is left to be tried.
    """

    def search(self, task: Task) -> Found:
        """Searches until no step can be paid for."""
        return move(task, lambda promises, chosen: promises.best(chosen.nearest), Heat.of_all)
