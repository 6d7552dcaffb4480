"""Candidates along the gradient, whose helpful changes are made together."""

from diffkit_plugins.steering_prefix.merging import merged
from diffkit_plugins.steering_prefix.moving import move
from diffkit_plugins.steering_prefix.optimiser import Found, Optimiser, Task


class MultiCoordinate(Optimiser):
    """TAO's draw of candidates and I-GCG's merging of the helpful ones; it never stays.

    Early on many changes help, and a step makes them all; later hardly any does, and the best is
    made even if it does worse, as in GCG. Best where there is one item, or few: of many, a step
    sees some alone, and what does worse on those may do worse on all. No momentum: a gradient
    costs next to nothing beside the candidates, and past ones belong to other prefixes.
    """

    def search(self, task: Task) -> Found:
        """Searches until no step can be paid for."""
        return move(
            task,
            lambda promises, chosen: promises.aligned(chosen.nearest, chosen.temperature),
            merged,
        )
