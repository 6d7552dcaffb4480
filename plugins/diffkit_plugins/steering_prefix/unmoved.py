"""Searches whose budget paid for no step."""

from diffkit_plugins.steering_prefix.optimisers.named import OPTIMISERS
from diffkit_plugins.steering_prefix.searched import Search


def unmoved(search: Search) -> str:
    """A sentence that says so, with a space before it; empty where there were steps.

    A user's own optimiser may note how things stand as seldom as it likes: of it nothing is said.
    """
    if search.optimiser not in OPTIMISERS or len(search.found.trail) > 1:
        return ""
    if search.found.projected is not None:
        return " The budget paid for no step after the soft prompt's own tokens; raise budget."
    return " The budget paid for no step: this is a random start; raise budget."
