"""Greedy coordinate gradient, the common yardstick."""

from jaxtyping import Float, Int
from torch import Tensor

from diffkit_plugins.steering_prefix.drawing import Proposals
from diffkit_plugins.steering_prefix.moving import move
from diffkit_plugins.steering_prefix.optimiser import Found, Optimiser, Task
from diffkit_plugins.steering_prefix.promising import Promises
from diffkit_plugins.steering_prefix.racing import best_of


class GCG(Optimiser):
    """Swaps drawn evenly among the most promising of each position; the best of a step is made.

    As published (Zou and others 2023, arXiv 2307.15043), it is made even if it does worse; the
    best prefix of all steps is the result. There is no momentum, and no other start as long as
    any neighbour is left to be tried.
    """

    def search(self, task: Task) -> Found:
        """Searches until no step can be paid for."""
        return move(task, _even, best_of)


def _even(
    task: Task,
    _: Int[Tensor, " length"],
    __: Float[Tensor, "length hidden"],
    promises: Promises,
) -> Proposals:
    return promises.best(task.options.nearest)
