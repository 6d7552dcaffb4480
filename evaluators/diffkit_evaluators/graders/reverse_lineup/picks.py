"""What was picked."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Picks:
    """How often each choice was picked, as shares of all picks."""

    shares: Mapping[str, float]
    """Handle, or `NONE_OF_THESE` → its share; choices that nobody picked may be left out."""
    reason: str = ""
    """Why, in the words of who picked."""

    def share(self, choice: str) -> float:
        """How often ``choice`` was picked."""
        return self.shares.get(choice, 0.0)


def picked(choices: Iterable[str], reason: str) -> Picks:
    """Picks that were made one by one."""
    counts = Counter(choices)
    return Picks({choice: count / counts.total() for choice, count in counts.items()}, reason)
