"""A model's residual streams on real sequences, and the floor that its final norm sets.

Takes a model and token sequences. Gives the streams, and the least error that the final
norm allows for any target.
"""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from operator import attrgetter

import torch
from jaxtyping import Float, Int
from torch import Tensor

from diffkit import Model
from diffkit_plugins.residual_reachability.solvers import ResidualMap

_BISECTIONS = 200
"""Bisection steps, more than float64 can distinguish."""
_ROUNDING = 1e-8
"""A floor below this share of the target's mean square is attributed to rounding."""


@dataclass(frozen=True)
class Ellipsoid:
    """The image of a layer norm or RMS norm.

    The norm is x ↦ g ⊙ z + b, where z has a mean square of 1 (and, in a layer norm, a mean of 0).
    Its epsilon, which maps streams of very small variance to the interior, is ignored.
    """

    bias: Float[Tensor, " hidden"]
    values: Float[Tensor, " kept"]
    """Eigenvalues of g² on the subspace of z."""
    vectors: Float[Tensor, "hidden kept"]
    """The eigenvectors, multiplied by g."""
    radius: float
    """√hidden, the norm of z."""

    @classmethod
    @torch.no_grad()
    def of(cls, norm: Callable[[Tensor], Tensor], hidden: int) -> "Ellipsoid | None":
        """Determines the ellipsoid from a norm's outputs; None if the norm has another form.

        Args:
            norm: the final norm, applied to the last dimension.
            hidden: width of the residual stream.
        """
        probes = torch.randn(3, hidden, generator=torch.Generator().manual_seed(0)).double()
        probes = (probes - probes.mean(-1, keepdim=True)) * 1e3  # makes epsilon negligible
        unit = probes / probes.square().mean(-1, keepdim=True).sqrt()
        bias, shifted, *out = (
            norm(x.float()).double() for x in (torch.zeros(hidden), torch.ones(hidden), *probes)
        )
        gain = (unit * (torch.stack(out) - bias)).sum(0) / unit.square().sum(0)
        if not torch.allclose(torch.stack(out), unit * gain + bias, rtol=1e-3, atol=1e-3):
            return None
        subtracts_mean = torch.allclose(shifted, bias, atol=1e-3 * float(gain.abs().max()))
        plane = _zero_mean_basis(hidden) if subtracts_mean else torch.eye(hidden).double()
        values, basis = torch.linalg.eigh(plane.T @ (gain.square()[:, None] * plane))
        return cls(bias, values, gain[:, None] * (plane @ basis), hidden**0.5)

    def floor(self, targets: Float[Tensor, "*batch hidden"]) -> Float[Tensor, "*batch"]:
        """Mean squared distance of each vector from the ellipsoid, per dimension.

        With A = diag(values) and c = vectorsᵀ(target − bias), the nearest w of length radius
        solves (A + λ)w = c with λ above −min(values) (least squares on a sphere; Gander, Golub and
        von Matt 1989); λ is found by bisection.
        """
        centred = targets.detach().cpu().double() - self.bias
        c = centred @ self.vectors
        low = torch.full(c.shape[:-1], -float(self.values[0]), dtype=torch.float64)
        high = low + c.norm(dim=-1) / self.radius
        for _ in range(_BISECTIONS):
            middle = (low + high) / 2
            w = c / (self.values + middle[..., None])
            outside = w.norm(dim=-1) > self.radius
            low, high = torch.where(outside, middle, low), torch.where(outside, high, middle)
        nearest: Tensor = (c / (self.values + high[..., None])) @ self.vectors.T
        return (nearest - centred).square().mean(dim=-1)


def _zero_mean_basis(hidden: int) -> Float[Tensor, "hidden kept"]:
    """An orthonormal basis of the vectors whose mean is 0."""
    ones = torch.ones(hidden, 1).double()
    full: Tensor = torch.linalg.qr(torch.cat([ones, torch.eye(hidden).double()[:, 1:]], dim=1)).Q
    return full[:, 1:]


@dataclass(frozen=True)
class ReferenceActivations:
    """A map from prompts to residual streams, and its outputs on real sequences."""

    residual_map: ResidualMap
    real: Float[Tensor, "sequences length hidden"]
    """Streams of the real sequences, after the last block or after the final norm, in float32."""
    ellipsoid: Ellipsoid | None
    """Image of the final norm; None before the norm and for norms of another form."""

    @property
    def norms(self) -> Float[Tensor, " length"]:
        """Mean norm of real streams at each position."""
        norms: Tensor = self.real.norm(dim=-1)
        return norms.mean(dim=0)

    def floor(self, targets: Float[Tensor, "targets length hidden"]) -> Float[Tensor, " targets"]:
        """The least MSE that the final norm allows; 0 if unknown."""
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
    ) -> "ReferenceActivations":
        """Computes the streams of the real sequences.

        Args:
            model: the model.
            ids: token ids of the real sequences.
            after_norm: whether streams are read after the final norm.
            ffns: whether the FFNs are kept.
            batch_size: sequences that run together.
        """
        residual_map = model.embedding_to_residual(1.0, mlps=ffns, final_norm=after_norm)
        batches = torch.split(ids, batch_size)
        real = torch.cat([residual_map(model.embed(rows)) for rows in batches])
        return cls(residual_map, real.detach().float(), _ellipsoid(model) if after_norm else None)


def _ellipsoid(model: Model) -> Ellipsoid | None:
    with model.active() as module:
        norm = deepcopy(attrgetter(model.network.architecture.final_norm)(module)).cpu().float()
        return Ellipsoid.of(norm, model.d_model)
