"""What language models may cost before they are called, and what they have used afterwards."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import fsum

from diffkit.chat.prices import Prices
from diffkit.investigator import UsageEstimate
from diffkit.verdict import Usage


@dataclass(frozen=True)
class CostItem:
    """A number of attempts or grades, and the most that each of them may use."""

    count: int
    each: UsageEstimate
    prices: Prices

    @property
    def dollars(self) -> float | None:
        """The maximum in US dollars; none where the price is unknown."""
        price = self.prices.get(self.each.model)
        if price is None:
            return None
        maximum = price.of(self.each.prompt_tokens, self.each.completion_tokens)
        return self.count * min(maximum, self.each.dollars or maximum)

    @property
    def text(self) -> str:
        """The item in one line."""
        what = "attempts" if self.each.role == "investigator" else "grades"
        tokens = self.count * (self.each.prompt_tokens + self.each.completion_tokens)
        return (
            f"{self.count} {what} by {self.each.model}: at most {self.count * self.each.calls:,} "
            f"calls, {tokens:,} tokens, {_dollars(self.dollars)}"
        )


@dataclass(frozen=True)
class CostEstimate:
    """The most that language models may be used."""

    items: tuple[CostItem, ...]

    @property
    def text(self) -> str:
        """One line for each item, and the sum."""
        dollars = [item.dollars for item in self.items]
        total = None if None in dollars else fsum(one for one in dollars if one is not None)
        lines = [f"  {item.text}" for item in self.items]
        return "\n".join([*lines, f"  together {_dollars(total)}"])


def estimate_cost(estimates: Iterable[UsageEstimate | None], prices: Prices) -> CostEstimate:
    """Adds up estimates of single attempts and grades; those without calls are left out."""
    counts: dict[UsageEstimate, int] = {}
    for one in estimates:
        if one is not None and one.calls:
            counts[one] = counts.get(one, 0) + 1
    return CostEstimate(tuple(CostItem(count, each, prices) for each, count in counts.items()))


def _dollars(value: float | None) -> str:
    return "at an unknown price" if value is None else f"${value:,.2f}"


def sum_usage(usages: Iterable[Mapping[str, Usage]]) -> dict[str, Usage]:
    """The sum of usage over attempts or grades, by role."""
    total: dict[str, Usage] = {}
    for usage in usages:
        for role, one in usage.items():
            total[role] = _add_usage(total[role], one) if role in total else one
    return total


def _add_usage(first: Usage, second: Usage) -> Usage:
    """The sum of two usages; its cost is known where both costs are."""
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
