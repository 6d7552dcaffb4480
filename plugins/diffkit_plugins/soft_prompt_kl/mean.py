"""A mean that is added to."""

from dataclasses import dataclass


@dataclass
class Mean:
    """Sum and number of what came."""

    total: float = 0.0
    count: int = 0

    @property
    def value(self) -> float:
        """The mean; 0 where nothing came."""
        return self.total / self.count if self.count else 0.0

    def add(self, total: float, count: int = 1) -> None:
        """Adds one value, or a sum of several."""
        self.total += total
        self.count += count

    def take(self) -> float:
        """The mean, which then starts anew."""
        value = self.value
        self.total, self.count = 0.0, 0
        return value
