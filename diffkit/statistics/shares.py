"""Shares of counted units with their Wilson intervals."""

from diffkit.organism import Record
from diffkit.statistics.intervals import wilson


class Share(Record):
    """A share of units with its interval."""

    hits: int | float
    """Number of hits; a unit with several cases may count as a fraction."""
    n: int
    low: float | None = None
    """Lower end of the 95 % Wilson interval; none where n is 0, or the value is a mean."""
    high: float | None = None
    """Upper end."""

    @property
    def value(self) -> float | None:
        """Hits / n; none where n is 0."""
        return self.hits / self.n if self.n else None


def share(hits: int | float, n: int) -> Share:
    """A share with its 95 % Wilson interval."""
    interval = wilson(hits, n)
    return Share(
        hits=hits,
        n=n,
        low=interval.low if interval else None,
        high=interval.high if interval else None,
    )


def format_share(share: Share) -> str:
    """A share with its interval as text."""
    interval = "" if share.low is None else f" [{share.low:.2f}, {share.high:.2f}]"
    return f"{share.hits} of {share.n}{interval}"
