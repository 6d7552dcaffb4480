"""The interface of an optimiser: a strategy that searches for a prefix within a budget.

Takes a `SearchTask`. Gives a `SearchResult`.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field

from jaxtyping import Float
from torch import Tensor

from diffkit import Checkpoint
from diffkit_plugins.steering_prefix.config import SearchOptions
from diffkit_plugins.steering_prefix.objectives.base import PrefixObjective
from diffkit_plugins.steering_prefix.search.token_space import TokenSpace


@dataclass
class ReadingBudget:
    """Readings: one is a prefix with one item; a gradient at one item counts three."""

    total: int
    spent: int = 0

    @property
    def left(self) -> int:
        """Readings that may still be taken."""
        return max(self.total - self.spent, 0)


@dataclass(frozen=True)
class TracePoint:
    """How things stood in the course of a search."""

    spent: int
    """Readings taken so far."""
    loss: float
    """Mean training loss of the best prefix so far, penalties left out."""
    penalty: float = 0.0
    """The penalties."""

    @property
    def total(self) -> float:
        """What the search lowers."""
        return self.loss + self.penalty


@dataclass(frozen=True)
class SearchResult:
    """What a search found."""

    ids: tuple[int, ...]
    """The best prefix; it reads back, and says no banned word."""
    loss: float
    """Its mean loss over all training items, penalties left out."""
    trail: tuple[TracePoint, ...]
    soft: Float[Tensor, "length hidden"] | None = None
    """The soft prompt that the search began with, where it did."""
    stages: tuple[tuple[str, float], ...] = ()
    """Losses after named stages, such as ``soft``, ``projected``, ``HotFlip``."""
    soft_trail: tuple[TracePoint, ...] = ()
    """Losses of the soft prompt on each step's own items, penalties left out."""
    projected: tuple[int, ...] | None = None
    """The soft prompt's tokens, where some near it read back."""
    penalty: float = 0.0
    """What closeness to disliked words and poor fluency add to the loss."""


@dataclass(frozen=True)
class SearchTask:
    """What a search is given."""

    objective: PrefixObjective
    space: TokenSpace
    options: SearchOptions
    budget: ReadingBudget
    seed: int
    status: Callable[[str], None] = field(default=lambda _: None)
    """Says how things stand, after each step."""
    left: Checkpoint | None = None
    """What `keep` was last given, where the search was interrupted."""
    keep: Callable[[Callable[[], Checkpoint]], None] = field(default=lambda _: None)
    """Takes, after a step, what makes a checkpoint to go on from; it is made now and then."""


class PrefixOptimiser(ABC):
    """One strategy; an instance serves one search."""

    @abstractmethod
    def search(self, task: SearchTask) -> SearchResult:
        """Searches until the budget is spent; the same task gives the same prefix."""
