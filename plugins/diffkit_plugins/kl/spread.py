"""How one divergence is spread over tokens, without keeping its values."""

from dataclasses import dataclass, field

from jaxtyping import Float
from torch import Tensor

from diffkit.maths.moments import LogHistogram, Moments


@dataclass(frozen=True)
class Spread:
    """Mean, largest value and distribution of a divergence per token, in nats."""

    moments: Moments = field(default_factory=Moments)
    histogram: LogHistogram = field(default_factory=LogHistogram)
    largest: float = 0.0
    """0 where there are no values yet."""

    def add(self, values: Float[Tensor, " tokens"]) -> "Spread":
        """With more tokens."""
        if values.numel() == 0:
            return self
        return Spread(
            self.moments.add(values),
            self.histogram.add(values),
            max(self.largest, float(values.max())),
        )

    @property
    def mean(self) -> float:
        """Mean per token, in nats."""
        return self.moments.mean

    def quantile(self, q: float) -> float:
        """The value that a share ``q`` of the tokens lies at or below, to within a bin (12 %)."""
        return min(self.histogram.quantile(q), self.largest)
