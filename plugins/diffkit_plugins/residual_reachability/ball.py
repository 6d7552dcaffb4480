"""The norm budget: prompts each of whose tokens lies in a ball."""

import torch
from jaxtyping import Float
from torch import Tensor

Bound = Float[Tensor, " rows"] | float | None
"""Largest norm of a prompt's tokens, of each row or of all; none: any."""

_ON_IT = 1 - 1e-5
"""Share of the limit above which a token counts as lying on the sphere, for rounding's sake."""


def limits(bound: Bound, prompts: Float[Tensor, "rows length hidden"]) -> Float[Tensor, " rows"]:
    """The largest norm of each row's tokens; infinite where there is no bound."""
    if bound is None:
        bound = torch.inf
    limit = torch.as_tensor(bound, dtype=prompts.dtype, device=prompts.device)
    return limit.expand(len(prompts))


def within(
    prompts: Float[Tensor, "rows length hidden"], limit: Float[Tensor, " rows"]
) -> Float[Tensor, "rows length hidden"]:
    """The nearest prompts whose tokens' norms keep to the limit."""
    norms, largest = prompts.norm(dim=2, keepdim=True), limit[:, None, None]
    return torch.where(norms > largest, prompts * (largest / norms), prompts)


def tangential(
    gradient: Float[Tensor, "rows length hidden"],
    prompts: Float[Tensor, "rows length hidden"],
    limit: Float[Tensor, " rows"],
) -> Float[Tensor, "rows length hidden"]:
    """The gradient without the part that would only push a token out of its ball.

    Adam scales coordinates, so a step along a gradient that is purely radial is not, and
    projection alone would come to rest beside the optimum. Where the tangential part vanishes on
    the sphere, the conditions of Karush, Kuhn and Tucker hold.
    """
    radial = (gradient * prompts).sum(dim=2, keepdim=True)
    squares = prompts.square().sum(dim=2, keepdim=True)
    outward = (squares.sqrt() >= limit[:, None, None] * _ON_IT) & (radial < 0)
    return torch.where(outward, gradient - prompts * (radial / squares), gradient)
