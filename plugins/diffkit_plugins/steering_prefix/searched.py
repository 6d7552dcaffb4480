"""What searches for a prefix found."""

from dataclasses import dataclass

from diffkit_plugins.steering_prefix.optimiser import Found


@dataclass(frozen=True)
class Search:
    """One search, from its start to the pruned prefix."""

    optimiser: str
    """Its name among the options."""
    successive: int
    """0 for the first prefix; number n is barred from the words of those before it, or, with
    ``ban_weight``, penalised for closeness to them."""
    restart: int
    """From 0; each restart begins elsewhere."""
    found: Found
    """What the optimiser found, not yet pruned."""
    ids: tuple[int, ...]
    """The prefix after pruning; the same as found where nothing was taken out."""
    loss: float
    """Its mean loss over all training items, penalties left out."""
    text: str
    """The prefix as it reads."""
    penalty: float = 0.0
    """What closeness to disliked words and poor fluency add to its loss."""

    @property
    def total(self) -> float:
        """What the search lowered."""
        return self.loss + self.penalty


@dataclass(frozen=True)
class Searched:
    """Everything that was searched for, and what came of it."""

    best: Search
    """Of the first prefix, the restart that did best: the result."""
    searches: tuple[Search, ...]
    """Every search with the optimiser that was asked for, by successive prefix and restart."""
    successive: tuple[Search, ...]
    """The best restart of each successive prefix; the first is ``best``."""
    compared: tuple[Search, ...] = ()
    """One search with each optimiser, where they are to be compared; ``best`` is not among them."""

    @property
    def ranked(self) -> tuple[Search, ...]:
        """Every search, the result first, then by training loss."""
        others = [search for search in self.searches if search is not self.best]
        return (self.best, *sorted(others, key=lambda search: search.loss))

    @property
    def staged(self) -> tuple[Search, ...]:
        """Those to be compared; else the result, where its optimiser had stages; else none."""
        return self.compared or ((self.best,) if self.best.found.stages else ())
