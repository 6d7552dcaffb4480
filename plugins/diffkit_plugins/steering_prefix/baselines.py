"""What prefixes are held against, whatever they are to do."""

from dataclasses import dataclass
from math import isfinite

from diffkit_plugins.steering_prefix.chance import Chance
from diffkit_plugins.steering_prefix.counted import counted
from diffkit_plugins.steering_prefix.half import Half
from diffkit_plugins.steering_prefix.measure import Measure

_ENOUGH = 19
"""Random prefixes from which on p can be .05."""


@dataclass(frozen=True)
class Baselines:
    """No prefix, random ones and the floor, on the same items."""

    half: Half
    chance: Chance
    """Random prefixes on them."""
    measure: Measure
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
        random = counted(len(hardest.losses), "random prefix")
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
        few = len(self.chance.losses) < _ENOUGH
        return ", which so few make weak: raise random_prefixes" if p and few else ""
