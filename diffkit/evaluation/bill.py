"""What language models may be asked at most, and what that costs, before anything is asked."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import fsum

from diffkit.investigator import Estimate
from diffkit.prices import Prices


@dataclass(frozen=True)
class Item:
    """So many attempts, or grades, with the most that each may use."""

    count: int
    each: Estimate
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
class Bill:
    """All that may be asked."""

    items: tuple[Item, ...]

    @property
    def words(self) -> str:
        """One line an item, and the sum."""
        known = [item.dollars for item in self.items]
        whole = None if None in known else fsum(one for one in known if one is not None)
        lines = [f"  {item.words}" for item in self.items]
        return "\n".join([*lines, f"  together {_dollars(whole)}"])


def bill(estimates: Iterable[Estimate | None], prices: Prices) -> Bill:
    """Gathers what single attempts and grades may use."""
    counts: dict[Estimate, int] = {}
    for one in estimates:
        if one is not None and one.calls:
            counts[one] = counts.get(one, 0) + 1
    return Bill(tuple(Item(count, each, prices) for each, count in counts.items()))


def _dollars(value: float | None) -> str:
    return "at an unknown price" if value is None else f"${value:,.2f}"
