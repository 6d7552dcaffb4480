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


def format_count(count: int, thing: str) -> str:
    """``1 suffix``, ``2 suffixes``."""
    return f"{count} {thing if count == 1 else _PLURALS[thing]}"


@dataclass(frozen=True)
class LossDisplay:
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


@dataclass(frozen=True)
class LossGap:
    """Between the loss without a prefix and the least that is known to be possible."""

    empty: float
    """Mean loss without a prefix."""
    floor: float
    """Mean of the floors."""

    @classmethod
    def of(cls, empty: Float[Tensor, " items"], floors: Float[Tensor, " items"]) -> "LossGap":
        """From the losses and floors of the same items; at least one."""
        return cls(float(empty.double().mean()), float(floors.double().mean()))

    def closed(self, loss: float) -> float:
        """The share of the gap that a prefix of this mean loss closes: 1 at the floor.

        It is below 0 for a prefix that does worse than none, and 0 where there is no gap.
        """
        gap = self.empty - self.floor
        return (self.empty - loss) / gap if gap > 0 else 0.0


@dataclass(frozen=True)
class SplitHalf:
    """The items that are searched with, or those that are held out."""

    objective: PrefixObjective
    _read: dict[tuple[int, ...], Float[Tensor, " items"]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    """What was read already: tables, curves and words ask for the same prefixes."""

    @cached_property
    def gap(self) -> LossGap:
        """Between no prefix and the floor."""
        return LossGap.of(self.losses(()), self.objective.floors.cpu())

    def losses(self, prefix: Sequence[int]) -> Float[Tensor, " items"]:
        """The loss of a prefix with each item."""
        key = tuple(prefix)
        if key not in self._read:
            ids = torch.tensor([list(key)], dtype=torch.long)
            losses = self.objective.losses(ids, range(self.objective.items))[0]
            self._read[key] = losses.double().cpu()
        return self._read[key]

    def loss(self, prefix: Sequence[int]) -> float:
        """Its mean."""
        return float(self.losses(prefix).mean())


_SEED_OFFSET = 3 << 30
"""Keeps these draws apart from a search's; of a seed, torch takes the lower 32 bits."""


@dataclass(frozen=True)
class RandomPrefixes:
    """The mean losses of random prefixes, the least first; at least one."""

    losses: Float[Tensor, " prefixes"]
    as_short: "RandomPrefixes | None" = None
    """Random prefixes of as many tokens as pruning left of the one found; none: it left all."""

    @classmethod
    def of(
        cls,
        objective: PrefixObjective,
        space: TokenSpace,
        options: SearchOptions,
        seed: int,
        found: Sequence[int],
    ) -> "RandomPrefixes":
        """Draws prefixes as a search draws its starts, and reads them with every item.

        Args:
            objective: with held-out items.
            space: the tokens that the search may use.
            options: how many, and how long.
            seed: of the draw.
            found: token ids of the prefix that stands beside them.
        """

        def drawn(length: int) -> Float[Tensor, " prefixes"]:
            generator = torch.Generator().manual_seed(_SEED_OFFSET + seed)
            prefixes = sample_prefixes(space, length, options.random_prefixes, generator)
            losses = objective.losses(prefixes, range(objective.items)).double().mean(dim=1)
            return losses.cpu().sort().values

        short = cls(drawn(len(found))) if len(found) < options.length else None
        return cls(drawn(options.length), short)

    @property
    def best(self) -> float:
        """The least loss."""
        return float(self.losses[0])

    @property
    def median(self) -> float:
        """The loss that half of them are above."""
        return float(self.losses.quantile(0.5))

    def p(self, loss: float) -> float:
        """How likely a random prefix is to do as well: a p-value, exact for one drawn likewise.

        A prefix that was searched for on other items is as good as drawn if it fits those alone.
        Of one that pruning made shorter it says little, since longer random ones may do more
        good or more harm: `as_short` has those to hold it against.
        """
        return conformal_p(-loss, [-float(other) for other in self.losses])


_MIN_FOR_SIGNIFICANCE = 19
"""Random prefixes from which on p can be .05."""


@dataclass(frozen=True)
class PrefixBaselines:
    """No prefix, random ones and the floor, on the same items."""

    half: SplitHalf
    chance: RandomPrefixes
    """Random prefixes on them."""
    measure: LossDisplay
    held_out: bool = True
    """Whether no search saw these items; otherwise no p-value is exact, and none is given."""

    @property
    def floor_is_known(self) -> bool:
        """Whether a share of the gap can be told."""
        return isfinite(self.half.gap.floor)

    def verdict(self, loss: float) -> str:
        """Whether a prefix of this mean loss does more than none, and than random ones."""
        if loss >= self.half.gap.empty:
            return "It does no better than no prefix, so nothing should be read into its words."
        both = [one for one in (self.chance, self.chance.as_short) if one]
        hardest = max(both, key=lambda chance: chance.p(loss))
        random = format_count(len(hardest.losses), "random prefix")
        p = f" (p = {hardest.p(loss):.2g})" if self.held_out else ""
        if hardest.best > loss:
            return f"It does better than {self._all(random)}{p}{self._few(p)}."
        short = " as short as it" if hardest is self.chance.as_short else ""
        as_well = int((hardest.losses <= loss).sum())
        return (
            f"Of {random}{short} {as_well} {'does' if as_well == 1 else 'do'} as well{p}, so "
            "nothing should be read into its words."
        )

    def _all(self, random: str) -> str:
        also = ", and than as many as short as it" if self.chance.as_short else ""
        return f"{'all' if len(self.chance.losses) > 1 else 'the'} {random}{also}"

    def _few(self, p: str) -> str:
        few = len(self.chance.losses) < _MIN_FOR_SIGNIFICANCE
        return ", which so few make weak: raise random_prefixes" if p and few else ""
