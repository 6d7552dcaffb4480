"""Gradients at the embeddings of a prefix that stands in many rows of tokens."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from diffkit import Inputs, Model
from diffkit_plugins.steering_prefix.objective import EmbeddingGradient


@dataclass(frozen=True)
class Around:
    """Tokens around a prefix."""

    before: tuple[int, ...]
    after: tuple[int, ...]


Losses = Callable[[Inputs, Sequence[int]], Float[Tensor, " rows"]]
"""The losses of rows, differentiable by their embeddings, and which items they are of."""


@dataclass(frozen=True)
class Embedder:
    """Sets a prefix that is given as embeddings among tokens."""

    model: Model
    around: Sequence[Around]
    """What stands around the prefix, one for each item."""
    batch_size: int
    """Rows at a time."""

    def gradient(
        self, prefix: Float[Tensor, "length hidden"], items: Sequence[int], losses: Losses
    ) -> EmbeddingGradient:
        """The mean of some items' losses, and its gradient in float32 where the prefix is.

        Args:
            prefix: embeddings.
            items: which items.
            losses: of the rows of some items.
        """
        leaf = prefix.detach().to(self.model.device, self.model.dtype, copy=True).requires_grad_()
        total = 0.0
        for start in range(0, len(items), self.batch_size):
            batch = items[start : start + self.batch_size]
            # backward too: blocks that are run again need their own adapter
            with self.model.active(gradients=True):
                part = losses(self.inputs(leaf, batch), batch).sum() / len(items)
                part.backward()  # type: ignore[no-untyped-call]
            total += float(part.detach())
        gradient = torch.zeros_like(leaf) if leaf.grad is None else leaf.grad
        return EmbeddingGradient(total, gradient.to(prefix.device, torch.float32))

    def inputs(self, prefix: Float[Tensor, "length hidden"], items: Sequence[int]) -> Inputs:
        """One row for each item, padded on the left, differentiable by the prefix."""
        hole = (0,) * len(prefix)
        around = [self.around[item] for item in items]
        inputs = Inputs.of([(*one.before, *hole, *one.after) for one in around], side="left")
        assert inputs.ids is not None  # noqa: S101 - rows of ids always give ids
        ends = torch.tensor([inputs.mask.shape[1] - len(one.after) for one in around])
        columns = ends[:, None] + torch.arange(-len(prefix), 0)
        rows = torch.arange(len(around))[:, None].expand_as(columns)
        places = tuple(index.to(prefix.device) for index in (rows, columns))
        table = self.model.embed(inputs.ids)
        filled = table.index_put(places, prefix.expand(len(around), -1, -1))
        return inputs.to(prefix.device).with_embeds(filled)
