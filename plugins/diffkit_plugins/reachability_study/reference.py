"""A model's real residual streams, whole or without its FFNs."""

from copy import deepcopy
from dataclasses import dataclass
from operator import attrgetter

import torch
from jaxtyping import Float, Int
from torch import Tensor

from diffkit import Model
from diffkit_plugins.reachability_study.floor import Ellipsoid
from diffkit_plugins.residual_reachability.trunk import Trunk

_ROUNDING = 1e-8
"""A floor below this share of the target's mean square is what rounding makes of 0."""


@dataclass(frozen=True)
class Reference:
    """A map from prompts to residual streams, and what it makes of real sequences."""

    trunk: Trunk
    real: Float[Tensor, "sequences length hidden"]
    """Streams of the real sequences, after the last block or after the final norm, in float32."""
    ellipsoid: Ellipsoid | None
    """Where the final norm puts streams; none before it, and for norms of another form."""

    @property
    def norms(self) -> Float[Tensor, " length"]:
        """Mean norm of real streams at each position."""
        norms: Tensor = self.real.norm(dim=-1)
        return norms.mean(dim=0)

    def floor(self, targets: Float[Tensor, "targets length hidden"]) -> Float[Tensor, " targets"]:
        """MSE that the final norm makes unavoidable; 0 where none is known."""
        if self.ellipsoid is None:
            return torch.zeros(len(targets))
        floor = self.ellipsoid.floor(targets).mean(dim=1)
        power = targets.cpu().double().square().mean(dim=(1, 2))
        return torch.where(floor > _ROUNDING * power, floor, 0.0).float()

    @classmethod
    def of(
        cls,
        model: Model,
        ids: Int[Tensor, "sequences length"],
        *,
        after_norm: bool,
        ffns: bool,
        batch_size: int,
    ) -> "Reference":
        """Reads the real sequences.

        Args:
            model: the model.
            ids: the real sequences.
            after_norm: whether streams are read after the final norm.
            ffns: whether the FFNs add to the stream.
            batch_size: sequences at a time.
        """
        trunk = model.trunk(1.0, mlps=ffns, final_norm=after_norm)
        real = torch.cat([trunk(model.embed(rows)) for rows in torch.split(ids, batch_size)])
        return cls(trunk, real.detach().float(), _ellipsoid(model) if after_norm else None)


def _ellipsoid(model: Model) -> Ellipsoid | None:
    with model.active() as module:
        norm = deepcopy(attrgetter(model.network.architecture.final_norm)(module)).cpu().float()
        return Ellipsoid.of(norm, model.hidden)
