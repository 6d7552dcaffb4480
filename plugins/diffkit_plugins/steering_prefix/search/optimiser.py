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
    """Readings of a search: one prefix on one item is one reading, a gradient at one item three."""

    total: int
    spent: int = 0

    @property
    def remaining(self) -> int:
        """Readings that may still be taken."""
        return max(self.total - self.spent, 0)


@dataclass(frozen=True)
class TracePoint:
    """The best loss after a step of a search."""

    spent: int
    """Readings taken so far."""
    loss: float
    """Mean training loss of the best prefix so far, penalties left out."""
    penalty: float = 0.0
    """The penalties of that prefix."""

    @property
    def total(self) -> float:
        """Loss and penalty, which the search minimises."""
        return self.loss + self.penalty


@dataclass(frozen=True)
class SearchResult:
    """The best prefix of a search, and how its loss fell."""

    ids: tuple[int, ...]
    """The best prefix; it survives a round trip through text, and has no banned word."""
    loss: float
    """Its mean loss over all training items, penalties left out."""
    trace: tuple[TracePoint, ...]
    """The best loss after each step."""
    soft: Float[Tensor, "length hidden"] | None = None
    """The soft prompt that the search began with, if it did."""
    stages: tuple[tuple[str, float], ...] = ()
    """Losses after named stages, such as ``soft``, ``projected``, ``HotFlip``."""
    soft_trace: tuple[TracePoint, ...] = ()
    """Losses of the soft prompt on each step's own items, penalties left out."""
    projected: tuple[int, ...] | None = None
    """The tokens nearest to the soft prompt, if any survive a round trip through text."""
    penalty: float = 0.0
    """The penalty for closeness to disliked words and for low fluency, added to the loss."""


@dataclass(frozen=True)
class SearchTask:
    """The input of an optimiser."""

    objective: PrefixObjective
    space: TokenSpace
    options: SearchOptions
    budget: ReadingBudget
    seed: int
    status: Callable[[str], None] = field(default=lambda _: None)
    """Shows the user a text, after each step."""
    checkpoint: Checkpoint | None = None
    """The last one saved, if the search was interrupted."""
    save_checkpoint: Callable[[Callable[[], Checkpoint]], None] = field(default=lambda _: None)
    """Takes, after a step, a function that makes a checkpoint; it is called from time to time."""


class PrefixOptimiser(ABC):
    """A search strategy; each instance runs one search."""

    @abstractmethod
    def search(self, task: SearchTask) -> SearchResult:
        """Searches until the budget is spent; the same task gives the same prefix."""
