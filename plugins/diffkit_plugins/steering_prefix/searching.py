"""Searches for prefixes: restarts, successive prefixes, and all optimisers compared."""

from collections.abc import Sequence

from diffkit import RunContext
from diffkit_plugins.steering_prefix.objective import Objective
from diffkit_plugins.steering_prefix.optimisers.named import OPTIMISERS
from diffkit_plugins.steering_prefix.search_options import SearchOptions
from diffkit_plugins.steering_prefix.searched import Search, Searched
from diffkit_plugins.steering_prefix.searcher import Searcher
from diffkit_plugins.steering_prefix.space import NoPrefix, TokenSpace


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
    searcher = Searcher(objective, options, context, name)
    groups = _groups(searcher, space, options, context)
    successive = tuple(min(group, key=lambda one: one.total) for group in groups)
    others = [other for other in OPTIMISERS if options.compare and other != options.optimiser]
    compared = [searcher.search(other, space, number=0, restart=0) for other in others]
    return Searched(
        best=successive[0],
        searches=tuple(one for group in groups for one in group),
        successive=successive,
        compared=(groups[0][0], *compared) if options.compare else (),
    )


def _groups(
    searcher: Searcher, space: TokenSpace, options: SearchOptions, context: RunContext
) -> Sequence[Sequence[Search]]:
    """The restarts of each successive prefix, which is kept from the words of those before."""
    groups: list[list[Search]] = []
    for number in range(options.successive):
        try:
            if groups:
                space = _apart(space, min(groups[-1], key=lambda one: one.total), options)
            restarts = range(options.restarts)
            groups.append([searcher.search(options.optimiser, space, number, r) for r in restarts])
        except NoPrefix as error:
            if not groups:
                raise
            context.log.warning("%d prefixes differ; no more: %s", len(groups), error)
            break
    return groups


def _apart(space: TokenSpace, before: Search, options: SearchOptions) -> TokenSpace:
    """A space in which the words of a prefix are banned, or penalised where bans are penalties."""
    said = space.said(before.ids)
    if options.ban_weight is None or not said:
        return space.without(said)
    return space.penalising(said, options.ban_weight)
