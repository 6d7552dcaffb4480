"""How losses are shown to a reader."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Measure:
    """A loss as it is, or turned round where it is the negative of what is asked for."""

    unit: str
    """What is shown is measured in this."""
    noun: str = "loss"
    """What it is called, in the singular."""
    more_is_better: bool = False
    """Whether what is shown is the negated loss."""

    @property
    def title(self) -> str:
        """What it is called, with its unit and which way is better."""
        return f"{self.noun} ({self.unit}{', larger is better' if self.more_is_better else ''})"

    def of(self, loss: float) -> float:
        """What is shown of a loss."""
        return -loss if self.more_is_better else loss
