"""The most divergent place of each text, of which only the best few are kept."""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass(frozen=True, order=True)
class Peak:
    """A token that the sides expected very differently; the larger, the more telling."""

    score: float
    """KL(finetuned‖base) of the prediction of this token, in nats."""
    rank: int
    """The text's number in the suite, negated, so that the earlier of two equals wins."""
    position: int
    """The token's place in its text, from 0."""

    @property
    def text(self) -> int:
        """The text's number in the suite."""
        return -self.rank


@dataclass
class Peaks:
    """Keeps the largest ``limit`` peaks, whatever order they come in."""

    limit: int
    _heap: list[Peak] = field(default_factory=list)

    def add(self, *, score: float, text: int, position: int) -> None:
        """Offers the place with the largest score of one text."""
        peak = Peak(score, -text, position)
        if len(self._heap) < self.limit:
            heapq.heappush(self._heap, peak)
        elif self.limit:
            heapq.heappushpop(self._heap, peak)

    def __iter__(self) -> Iterator[Peak]:
        """The peaks kept, largest first."""
        yield from sorted(self._heap, reverse=True)

    def __len__(self) -> int:
        return len(self._heap)
