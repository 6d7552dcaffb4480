"""Several prefixes that a search improves in turn, and fewer of them as it goes on."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from diffkit_plugins.steering_prefix.scoring import Tried


@dataclass
class Lane:
    """One prefix on its way down."""

    tried: Tried
    """Where it stands."""
    mean: Float[Tensor, "length hidden"] | None = None
    """Running mean of its gradients."""
    stale: int = 0
    """Steps since it last got better."""

    def turn(self, gradient: Float[Tensor, "length hidden"], momentum: float) -> Tensor:
        """Takes a gradient into the running mean, and gives that."""
        past = gradient if self.mean is None else self.mean.to(gradient.device)
        self.mean = momentum * past + (1 - momentum) * gradient
        return self.mean

    def offer(self, tried: Tried | None) -> None:
        """Ends a step: takes a prefix that is better; none says that there was no such."""
        self.stale += 1
        if tried is not None and tried.total < self.tried.total:
            self.move(tried)

    def move(self, tried: Tried) -> None:
        """Goes to a prefix, be it better or not."""
        self.tried, self.stale = tried, 0


class Pool:
    """Lanes in turn; from time to time the worse half is set aside (successive halving).

    Args:
        live: lanes that take turns; at least one.
        aside: lanes that were set aside.
        turn: steps taken.
        size: lanes that it began with; none counts those given.
    """

    def __init__(
        self,
        live: Sequence[Lane],
        aside: Sequence[Lane] = (),
        turn: int = 0,
        size: int | None = None,
    ) -> None:
        self.live, self.aside, self.turn = list(live), list(aside), turn
        self.size = size or len(self.live) + len(self.aside)

    def next(self) -> Lane:
        """Whose turn it is."""
        self.turn += 1
        return self.live[self.turn % len(self.live)]

    def narrow(self, share: float) -> None:
        """Sets the worse ones aside: all, half of them, a quarter, … get equal parts of a budget.

        Args:
            share: of the budget that is spent.
        """
        parts = (self.size - 1).bit_length() + 1
        wanted = max(self.size >> int(share * parts), 1)
        if wanted < len(self.live):
            self.live.sort(key=lambda lane: lane.tried.total)
            self.aside += self.live[wanted:]
            del self.live[wanted:]

    def relieve(self, lane: Lane, patience: int, begin: Callable[[], Lane]) -> None:
        """Lets another lane have the place of one that has been getting no better.

        That is the best of those set aside, or a new one.

        Args:
            lane: one of the live ones.
            patience: steps without getting better after which it goes.
            begin: makes a new one.
        """
        if lane.stale < patience:
            return
        self.aside.sort(key=lambda other: other.tried.total)
        place = self.live.index(lane)
        self.live[place] = self.aside.pop(0) if self.aside else begin()
