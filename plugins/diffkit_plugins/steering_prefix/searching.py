"""Searches for prefixes: restarts, successive prefixes, pruning, and all optimisers compared."""

from diffkit import RunContext
from diffkit_plugins.steering_prefix.objective import Objective
from diffkit_plugins.steering_prefix.search_options import SearchOptions
from diffkit_plugins.steering_prefix.searched import Searched
from diffkit_plugins.steering_prefix.space import TokenSpace


def search(
    objective: Objective,
    space: TokenSpace,
    options: SearchOptions,
    context: RunContext,
    *,
    name: str = "prefix",
) -> Searched:
    """Searches for a prefix with a low loss, as the options say.

    A run that was interrupted goes on from its last checkpoint.

    Args:
        objective: the training items alone.
        space: the tokens that the prefix may be made of.
        options: optimiser, budget, restarts, and the rest.
        context: seed, progress and checkpoints.
        name: what is searched for; where a run searches several times, each needs its own.

    Raises:
        UserError: there is no such optimiser, or no prefix of the length is allowed.
    """
    raise NotImplementedError
