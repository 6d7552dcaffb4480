"""One half of the items, and the losses of prefixes on it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import torch
from jaxtyping import Float
from torch import Tensor

from diffkit_plugins.steering_prefix.gap import Gap
from diffkit_plugins.steering_prefix.objective import Objective


@dataclass(frozen=True)
class Half:
    """The items that are searched with, or those that are held out."""

    objective: Objective
    _read: dict[tuple[int, ...], Float[Tensor, " items"]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    """What was read already: tables, curves and words ask for the same prefixes."""

    @cached_property
    def gap(self) -> Gap:
        """Between no prefix and the floor."""
        return Gap.of(self.losses(()), self.objective.floors.cpu())

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
