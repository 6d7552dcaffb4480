"""Divergences that a search may climb: differentiable, and looked up by name."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from diffkit.errors import UserError
from diffkit.options.import_path import load_import_path


@runtime_checkable
class Divergence(Protocol):
    """How far apart two next-token distributions are, at each position."""

    def __call__(
        self,
        log_p: Float[Tensor, "positions vocabulary"],
        log_q: Float[Tensor, "positions vocabulary"],
    ) -> Float[Tensor, " positions"]:
        """The divergence in nats, differentiable by both sides.

        Args:
            log_p: log probabilities of the finetuned side.
            log_q: log probabilities of the base, over the same tokens.
        """


def kl(
    log_p: Float[Tensor, "positions vocabulary"], log_q: Float[Tensor, "positions vocabulary"]
) -> Float[Tensor, " positions"]:
    """KL(p ‖ q) in nats: large where p does what q finds implausible.

    Exactly 0 where p = q, never below 0, and infinite where q excludes what p allows.
    """
    return _at_least_0(weighted(log_p, log_p - log_q).sum(dim=-1))


def reverse_kl(
    log_p: Float[Tensor, "positions vocabulary"], log_q: Float[Tensor, "positions vocabulary"]
) -> Float[Tensor, " positions"]:
    """KL(q ‖ p) in nats: large where p no longer does what q does."""
    return kl(log_q, log_p)


def jsd(
    log_p: Float[Tensor, "positions vocabulary"], log_q: Float[Tensor, "positions vocabulary"]
) -> Float[Tensor, " positions"]:
    """Jensen-Shannon divergence in nats (Lin 1991): symmetric, at most ln 2.

    Exactly 0 where p = q, and never below 0.
    """
    # Where both are equal, and -inf - -inf among it, the derivative by either side is 0 too.
    same = log_p == log_q
    ratio = torch.where(same, 0.0, log_p - log_q)
    # log m for m = (p + q) / 2, less log p: written in the ratio it loses nothing near 0.
    mean_p = torch.logaddexp(torch.zeros_like(ratio), -ratio) - _LN2
    mean_q = torch.logaddexp(torch.zeros_like(ratio), ratio) - _LN2
    mean_p, mean_q = (torch.where(same, 0.0, mean) for mean in (mean_p, mean_q))
    both = weighted(log_p, mean_p) + weighted(log_q, mean_q)
    return _at_least_0(-0.5 * both.sum(dim=-1))


_LN2 = 0.6931471805599453

DIVERGENCES: Mapping[str, Divergence] = MappingProxyType(
    {"kl": kl, "reverse-kl": reverse_kl, "jsd": jsd}
)
"""The divergences that ship, by name; p is the finetuned side, q the base."""


def divergence(name: str) -> Divergence:
    """A divergence by its name in `DIVERGENCES`, or a user's own by its import path.

    Args:
        name: such as ``kl``; or ``module:function``, which Python must be able to import.

    Raises:
        UserError: no divergence has the name, or the path leads to nothing that can be called; and
            when one's own is called, where it does not give a number for each position.
    """
    if name in DIVERGENCES:
        return DIVERGENCES[name]
    found = load_import_path(name, noun="divergence", form="module:function", known=DIVERGENCES)
    if not callable(found):
        hint = "Name a function of (log_p, log_q) that gives one number for each position."
        raise UserError(f"The divergence {name!r} is no function.", hint=hint)
    return _checked(name, found)


def _checked(name: str, own: Divergence) -> Divergence:
    """Sees that there is a number for each position: a mean, say, would be spread over them."""

    def checked(
        log_p: Float[Tensor, "positions vocabulary"], log_q: Float[Tensor, "positions vocabulary"]
    ) -> Float[Tensor, " positions"]:
        values = own(log_p, log_q)
        if getattr(values, "shape", None) != log_p.shape[:1]:
            shape = tuple(getattr(values, "shape", ()))
            what = f"The divergence {name!r} gives the shape {shape} for {len(log_p)} positions."
            raise UserError(what, hint="Have it sum over the last dimension alone.")
        return values

    return checked


def weighted(
    log_weight: Float[Tensor, "positions vocabulary"], value: Float[Tensor, "positions vocabulary"]
) -> Float[Tensor, "positions vocabulary"]:
    """exp(log_weight)·value; 0, and with no gradient, where the weight is 0 (value NaN too)."""
    weight = log_weight.exp()
    return weight * torch.where(weight == 0, 0.0, value)


def _at_least_0(values: Float[Tensor, " positions"]) -> Float[Tensor, " positions"]:
    """Takes off what rounding left below 0 (-1e-8) and leaves the gradient as it is."""
    return values - values.detach().clamp(max=0)
