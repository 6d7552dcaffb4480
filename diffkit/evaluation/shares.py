"""Shares and means of what a leaderboard counts, with their intervals."""

from diffkit.organism import Record
from diffkit.statistics import wilson


class Share(Record):
    """A share of counted units with its interval."""

    hits: int | float
    """A unit with several cases may count in part."""
    n: int
    low: float | None = None
    """Lower end of the 95 % Wilson interval; none where n is 0, or where it is no share."""
    high: float | None = None
    """Upper end."""

    @property
    def value(self) -> float | None:
        """Hits / n; none where n is 0."""
        return self.hits / self.n if self.n else None


class Measure(Share):
    """One part of the grades: a share, or a mean, of units beside what guessing gives."""

    chance: float | None = None
    """What the best blind guesser gets."""
    p: float | None = None
    """Permutation test: whether findings fit their own truth better than the others on the same
    base. None with fewer than two truths, or where a grader does not say what it would have given
    had another been the truth."""


def share(hits: int | float, n: int) -> Share:
    """A share with its 95 % Wilson interval."""
    interval = wilson(hits, n)
    return Share(
        hits=hits,
        n=n,
        low=interval.low if interval else None,
        high=interval.high if interval else None,
    )
