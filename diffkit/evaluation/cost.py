"""What language models may cost before they are called, and what they have used afterwards."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import fsum

from diffkit.chat.prices import Prices
from diffkit.investigator import UsageEstimate
from diffkit.verdict import Usage


@dataclass(frozen=True)
class CostItem:
    """So many attempts, or grades, with the most that each may use."""

    count: int
    each: UsageEstimate
    prices: Prices

    @property
    def dollars(self) -> float | None:
        """US dollars at most; none where the price is unknown."""
        price = self.prices.get(self.each.model)
        if price is None:
            return None
        most = price.of(self.each.prompt_tokens, self.each.completion_tokens)
        return self.count * min(most, self.each.dollars or most)

    @property
    def words(self) -> str:
        """In a line."""
        what = "attempts" if self.each.role == "investigator" else "grades"
        tokens = self.count * (self.each.prompt_tokens + self.each.completion_tokens)
        return (
            f"{self.count} {what} by {self.each.model}: at most {self.count * self.each.calls:,} "
            f"calls, {tokens:,} tokens, {_dollars(self.dollars)}"
        )


@dataclass(frozen=True)
class CostEstimate:
    """All that may be asked."""

    items: tuple[CostItem, ...]

    @property
    def words(self) -> str:
        """One line an item, and the sum."""
        known = [item.dollars for item in self.items]
        whole = None if None in known else fsum(one for one in known if one is not None)
        lines = [f"  {item.words}" for item in self.items]
        return "\n".join([*lines, f"  together {_dollars(whole)}"])


def estimate_cost(estimates: Iterable[UsageEstimate | None], prices: Prices) -> CostEstimate:
    """Gathers what single attempts and grades may use."""
    counts: dict[UsageEstimate, int] = {}
    for one in estimates:
        if one is not None and one.calls:
            counts[one] = counts.get(one, 0) + 1
    return CostEstimate(tuple(CostItem(count, each, prices) for each, count in counts.items()))


def _dollars(value: float | None) -> str:
    return "at an unknown price" if value is None else f"${value:,.2f}"


def sum_usage(used: Iterable[Mapping[str, Usage]]) -> dict[str, Usage]:
    """Usage by role, over many attempts or grades."""
    whole: dict[str, Usage] = {}
    for usage in used:
        for role, one in usage.items():
            whole[role] = _add_usage(whole[role], one) if role in whole else one
    return whole


def _add_usage(first: Usage, second: Usage) -> Usage:
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
