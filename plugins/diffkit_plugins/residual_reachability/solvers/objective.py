"""The map from prompts to residual streams, and the loss against the targets."""

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor


@runtime_checkable
class ResidualMap(Protocol):
    """A map from prompts to the residual stream that they lead to; `Model.trunk` gives one.

    Rows must not see each other, and gradients must flow where the prompts require them.
    """

    def __call__(
        self, embeds: Float[Tensor, "rows length hidden"], /
    ) -> Float[Tensor, "rows length hidden"]:
        """The residual stream at every position of each row."""
        ...


@dataclass(frozen=True)
class ResidualTargets:
    """A residual stream to reach for each row, at some of its positions."""

    targets: Float[Tensor, "rows length hidden"]
    positions: Bool[Tensor, "rows length"]
    """True where the target is to be reached; elsewhere the stream is free."""

    @classmethod
    def of(
        cls,
        targets: Float[Tensor, "rows length hidden"],
        positions: Bool[Tensor, "rows length"] | None,
    ) -> "ResidualTargets":
        """None in place of ``positions`` means all of them."""
        if positions is None:
            positions = torch.ones(targets.shape[:2], dtype=torch.bool, device=targets.device)
        return cls(targets, positions.to(targets.device))

    def rows(self, chosen: Int[Tensor, " chosen"] | slice) -> "ResidualTargets":
        """The goal of some rows."""
        return ResidualTargets(self.targets[chosen], self.positions[chosen])

    def misses(
        self, streams: Float[Tensor, "rows length hidden"]
    ) -> Float[Tensor, "rows length hidden"]:
        """Target less stream, and 0 where the stream is free."""
        return (self.targets - streams) * self.positions[..., None]

    def losses(self, streams: Float[Tensor, "rows length hidden"]) -> Float[Tensor, " rows"]:
        """Mean squared error of each row, over the coordinates that are to be reached."""
        counts = self.positions.sum(dim=1) * self.targets.shape[2]
        return self.misses(streams).square().sum(dim=(1, 2)) / counts

    def errors(self, losses: Float[Tensor, " rows"]) -> Float[Tensor, " rows"]:
        """Relative errors ‖h − t‖/‖t‖ over all positions to be reached, from the losses."""
        return (losses / self._loss_of_nothing).sqrt()

    @cached_property
    def _loss_of_nothing(self) -> Float[Tensor, " rows"]:
        return self.losses(torch.zeros_like(self.targets))
