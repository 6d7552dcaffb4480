"""Rows of tokens in which a prefix is given as embeddings."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from diffkit import Inputs, Model


@dataclass(frozen=True)
class Gap:
    """Tokens around a prefix."""

    before: tuple[int, ...]
    after: tuple[int, ...]
    """At least one."""


def as_leaf(model: Model, prefix: Float[Tensor, "length hidden"]) -> Float[Tensor, "length hidden"]:
    """A prefix that gradients gather at, where the model is."""
    return prefix.detach().to(model.device, model.dtype, copy=True).requires_grad_()


def gradient_of(leaf: Float[Tensor, "length hidden"]) -> Float[Tensor, "length hidden"]:
    """What gathered there, in float32."""
    return torch.zeros_like(leaf).float() if leaf.grad is None else leaf.grad.float()


def embedded(model: Model, gaps: Sequence[Gap], prefix: Float[Tensor, "length hidden"]) -> Inputs:
    """One row for each gap, padded on the left, differentiable by the prefix.

    Args:
        model: its table embeds the tokens.
        gaps: what stands around the prefix.
        prefix: on the model's device, in its number format.
    """
    hole = (0,) * len(prefix)
    inputs = Inputs.of([(*gap.before, *hole, *gap.after) for gap in gaps], side="left")
    ends = torch.tensor([inputs.mask.shape[1] - len(gap.after) for gap in gaps])
    columns = ends[:, None] + torch.arange(-len(prefix), 0)
    rows = torch.arange(len(gaps))[:, None].expand_as(columns)
    places = tuple(index.to(prefix.device) for index in (rows, columns))
    inputs = inputs.to(prefix.device)
    assert inputs.ids is not None  # noqa: S101 - `Inputs.of` gives ids
    with torch.enable_grad():
        table = model.embed(inputs.ids)
        return inputs.with_embeds(table.index_put(places, prefix.expand(len(gaps), -1, -1)))
