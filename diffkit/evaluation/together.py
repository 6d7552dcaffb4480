"""Usage of language models, added up."""

from collections.abc import Iterable, Mapping

from diffkit.verdict import Usage


def together(used: Iterable[Mapping[str, Usage]]) -> dict[str, Usage]:
    """Usage by role, over many attempts or grades."""
    whole: dict[str, Usage] = {}
    for usage in used:
        for role, one in usage.items():
            whole[role] = _added(whole[role], one) if role in whole else one
    return whole


def _added(first: Usage, second: Usage) -> Usage:
    """Both together; the cost is known where both are."""
    costs = (first.cost, second.cost)
    return Usage(
        model=first.model,
        served=tuple(dict.fromkeys((*first.served, *second.served))),
        calls=first.calls + second.calls,
        remembered=first.remembered + second.remembered,
        prompt_tokens=first.prompt_tokens + second.prompt_tokens,
        completion_tokens=first.completion_tokens + second.completion_tokens,
        cost=None if None in costs else sum(cost for cost in costs if cost is not None),
    )
