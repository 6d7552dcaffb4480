"""Losses of prefixes on the same items: none, random ones, and the least that is possible.

Takes an objective with training or held-out items. Gives the losses of any prefix, the share of
the gap that it closes, and a p-value against random prefixes.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import isfinite

import torch
from jaxtyping import Float
from torch import Tensor

from diffkit.statistics import conformal_p
from diffkit_plugins.steering_prefix.config import SearchOptions
from diffkit_plugins.steering_prefix.objectives.base import PrefixObjective
from diffkit_plugins.steering_prefix.search.proposals import sample_prefixes
from diffkit_plugins.steering_prefix.search.token_space import TokenSpace

_PLURALS = {"suffix": "suffixes", "pair": "pairs", "random prefix": "random prefixes"}


def format_count(count: int, noun: str) -> str:
    """Formats a number with its noun, such as ``1 suffix`` or ``2 suffixes``."""
    return f"{count} {noun if count == 1 else _PLURALS[noun]}"


@dataclass(frozen=True)
class LossDisplay:
    """How losses are displayed: as they are, or negated if the objective is to raise a quantity."""

    unit: str
    """The unit of displayed values."""
    noun: str = "loss"
    """Name of a displayed value, in the singular."""
    more_is_better: bool = False
    """Whether the negated loss is displayed."""

    @property
    def title(self) -> str:
        """The noun, the unit, and whether larger values are better."""
        return f"{self.noun} ({self.unit}{', larger is better' if self.more_is_better else ''})"

    def value(self, loss: float) -> float:
        """The displayed value of a loss."""
        return -loss if self.more_is_better else loss


@dataclass(frozen=True)
class LossGap:
    """The gap between the loss without a prefix and the lowest loss known to be possible."""

    empty: float
    """Mean loss without a prefix."""
    floor: float
    """Mean of the lowest losses known to be possible."""

    @classmethod
    def of(cls, empty: Float[Tensor, " items"], floors: Float[Tensor, " items"]) -> "LossGap":
        """From the losses without a prefix and the floors of the same items; at least one."""
        return cls(float(empty.double().mean()), float(floors.double().mean()))

    def closed(self, loss: float) -> float:
        """The share of the gap that a prefix of this mean loss closes: 1 at the floor.

        It is negative for a prefix that does worse than none, and 0 if there is no gap.
        """
        gap = self.empty - self.floor
        return (self.empty - loss) / gap if gap > 0 else 0.0


@dataclass(frozen=True)
class SplitHalf:
    """Losses of prefixes on the training items, or on the held-out ones."""

    objective: PrefixObjective
    _cache: dict[tuple[int, ...], Float[Tensor, " items"]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    """Losses by prefix, since tables, curves and notes need the same ones."""

    @cached_property
    def gap(self) -> LossGap:
        """The gap between no prefix and the floor."""
        return LossGap.of(self.losses(()), self.objective.floors.cpu())

    def losses(self, prefix: Sequence[int]) -> Float[Tensor, " items"]:
        """The loss of a prefix on each item."""
        key = tuple(prefix)
        if key not in self._cache:
            ids = torch.tensor([list(key)], dtype=torch.long)
            losses = self.objective.losses(ids, range(self.objective.items))[0]
            self._cache[key] = losses.double().cpu()
        return self._cache[key]

    def loss(self, prefix: Sequence[int]) -> float:
        """The mean loss of a prefix."""
        return float(self.losses(prefix).mean())


_SEED_OFFSET = 3 << 30
"""Makes these random numbers differ from those of a search; torch uses the lower 32 bits of a
seed."""


@dataclass(frozen=True)
class RandomPrefixes:
    """The mean losses of random prefixes, in ascending order; at least one."""

    losses: Float[Tensor, " prefixes"]
    pruned_length: "RandomPrefixes | None" = None
    """Random prefixes of the length after pruning; none if pruning removed no token."""

    @classmethod
    def sample(
        cls,
        objective: PrefixObjective,
        space: TokenSpace,
        options: SearchOptions,
        seed: int,
        found: Sequence[int],
    ) -> "RandomPrefixes":
        """Samples prefixes as a search samples its starts, and computes their losses.

        Args:
            objective: of the held-out items.
            space: the tokens that the search may use.
            options: number and length of the prefixes.
            seed: of the random numbers.
            found: token ids of the prefix that they are compared with.
        """

        def sorted_losses(length: int) -> Float[Tensor, " prefixes"]:
            generator = torch.Generator().manual_seed(_SEED_OFFSET + seed)
            prefixes = sample_prefixes(space, length, options.random_prefixes, generator)
            losses = objective.losses(prefixes, range(objective.items)).double().mean(dim=1)
            return losses.cpu().sort().values

        short = cls(sorted_losses(len(found))) if len(found) < options.length else None
        return cls(sorted_losses(options.length), short)

    @property
    def best(self) -> float:
        """The lowest loss."""
        return float(self.losses[0])

    @property
    def median(self) -> float:
        """The median loss."""
        return float(self.losses.quantile(0.5))

    def p_value(self, loss: float) -> float:
        """The p-value of a prefix against random ones; exact if it is a random one itself.

        A prefix that fits nothing but the items of its search counts as random on other items. The
        value says little of a pruned prefix, since longer random ones may help more or harm more:
        `pruned_length` has random ones of its length.
        """
        return conformal_p(-loss, [-float(other) for other in self.losses])


_MIN_FOR_SIGNIFICANCE = 19
"""The least number of random prefixes with which p can be .05."""


@dataclass(frozen=True)
class PrefixBaselines:
    """Losses of no prefix, of random ones and of the reference, on the same items."""

    half: SplitHalf
    random: RandomPrefixes
    display: LossDisplay
    held_out: bool = True
    """Whether these items were not used in a search; if they were, there is no exact p-value."""

    @property
    def has_floor(self) -> bool:
        """Whether the share of the gap that a prefix closes is defined."""
        return isfinite(self.half.gap.floor)

    def verdict(self, loss: float) -> str:
        """Says whether a prefix of this mean loss does better than none and than random ones."""
        if loss >= self.half.gap.empty:
            return "It does no better than no prefix, so nothing should be read into its words."
        lengths = [one for one in (self.random, self.random.pruned_length) if one]
        hardest = max(lengths, key=lambda random: random.p_value(loss))
        count = format_count(len(hardest.losses), "random prefix")
        p = f" (p = {hardest.p_value(loss):.2g})" if self.held_out else ""
        if hardest.best > loss:
            return f"It does better than {self._all(count)}{p}{self._few(p)}."
        short = " as short as it" if hardest is self.random.pruned_length else ""
        as_well = int((hardest.losses <= loss).sum())
        return (
            f"Of {count}{short} {as_well} {'does' if as_well == 1 else 'do'} as well{p}, so "
            "nothing should be read into its words."
        )

    def _all(self, count: str) -> str:
        also = ", and than as many as short as it" if self.random.pruned_length else ""
        return f"{'all' if len(self.random.losses) > 1 else 'the'} {count}{also}"

    def _few(self, p: str) -> str:
        few = len(self.random.losses) < _MIN_FOR_SIGNIFICANCE
        return ", which so few make weak: raise random_prefixes" if p and few else ""
