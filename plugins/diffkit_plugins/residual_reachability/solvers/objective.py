"""The map from prompts to residual streams, and the loss against the targets."""

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor


@runtime_checkable
class ResidualMap(Protocol):
    """A differentiable map from prompts to residual streams.

    `Model.embedding_to_residual` returns one. Rows must be independent of each other, and
    gradients must reach the prompts.
    """

    def __call__(
        self, embeds: Float[Tensor, "rows length hidden"], /
    ) -> Float[Tensor, "rows length hidden"]:
        """The residual stream at every position of each row."""
        ...


@dataclass(frozen=True)
class ResidualTargets:
    """The residual stream that each row's prompt is to reach, at some of its positions."""

    targets: Float[Tensor, "rows length hidden"]
    positions: Bool[Tensor, "rows length"]
    """True where the target applies; the stream is free elsewhere."""

    @classmethod
    def of(
        cls,
        targets: Float[Tensor, "rows length hidden"],
        positions: Bool[Tensor, "rows length"] | None,
    ) -> "ResidualTargets":
        """Targets at the given positions; None means all positions."""
        if positions is None:
            positions = torch.ones(targets.shape[:2], dtype=torch.bool, device=targets.device)
        return cls(targets, positions.to(targets.device))

    def rows(self, chosen: Int[Tensor, " chosen"] | slice) -> "ResidualTargets":
        """The targets of some rows."""
        return ResidualTargets(self.targets[chosen], self.positions[chosen])

    def residuals(
        self, streams: Float[Tensor, "rows length hidden"]
    ) -> Float[Tensor, "rows length hidden"]:
        """Target minus stream, and 0 where the stream is free."""
        return (self.targets - streams) * self.positions[..., None]

    def losses(self, streams: Float[Tensor, "rows length hidden"]) -> Float[Tensor, " rows"]:
        """Mean squared error of each row, over the positions where the target applies."""
        counts = self.positions.sum(dim=1) * self.targets.shape[2]
        return self.residuals(streams).square().sum(dim=(1, 2)) / counts

    def errors(self, losses: Float[Tensor, " rows"]) -> Float[Tensor, " rows"]:
        """Relative errors ‖h − t‖/‖t‖, computed from the losses."""
        return (losses / self._loss_of_zero).sqrt()

    @cached_property
    def _loss_of_zero(self) -> Float[Tensor, " rows"]:
        return self.losses(torch.zeros_like(self.targets))
