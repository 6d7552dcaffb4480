"""What changes of single tokens promise, to first order."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from diffkit_plugins.steering_prefix.drawing import Proposals
from diffkit_plugins.steering_prefix.space import TokenSpace


@dataclass(frozen=True)
class Promises:
    """How much each token at each position promises to take off the loss."""

    values: Float[Tensor, "length vocabulary"]
    """The larger the better; minus infinity at tokens that are not allowed or stand there."""
    space: TokenSpace
    """The tokens."""
    ids: Int[Tensor, " length"]
    """The prefix that changes."""
    gradient: Float[Tensor, "length hidden"]
    """Of the loss at its embeddings."""

    @classmethod
    def of(
        cls,
        space: TokenSpace,
        ids: Int[Tensor, " length"],
        gradient: Float[Tensor, "length hidden"],
        extra: Float[Tensor, "length vocabulary"] | None = None,
    ) -> "Promises":
        """The first-order drop g·(e − W_v) of putting token v where e stands.

        Args:
            space: the tokens.
            ids: the prefix.
            gradient: of the loss at its embeddings.
            extra: what other terms of the loss promise, exactly.
        """
        values = _drops(space, ids, gradient)
        values = _barred(space, ids, values if extra is None else values + extra)
        return cls(values, space, ids, gradient)

    def best(self, nearest: int) -> Proposals:
        """The most promising tokens of each position, equally likely, as in GCG."""
        tokens = self.values.topk(_count(self.values, nearest), dim=1)
        chances = tokens.values.isfinite().float()
        return Proposals(tokens.indices.cpu(), (chances / chances.sum(1, keepdim=True)).cpu())

    def flips(self, nearest: int) -> Int[Tensor, "flips length"]:
        """Prefixes that differ in one token, the most promising first.

        Args:
            nearest: tokens at each position that are among them at most.
        """
        top = self.values.topk(_count(self.values, nearest), dim=1)
        order = top.values.flatten().argsort(descending=True, stable=True)
        places = torch.div(order, top.values.shape[1], rounding_mode="floor")
        flipped = self.ids.repeat(len(order), 1)
        flipped[torch.arange(len(order)), places] = top.indices.flatten()[order]
        return flipped

    def aligned(self, nearest: int, temperature: float) -> Proposals:
        """Tokens in the direction that the gradient points down, the promising ones likelier.

        Among the ``nearest`` tokens by the cosine between −g and W_v − e, token v is drawn
        with a chance proportional to exp(z / temperature), z being its promise in standard
        deviations (TAO-Attack's direction-priority token optimisation, as compared by Claudini,
        arXiv 2603.24511).
        """
        cosines = _cosines(self.space, self.ids, self.gradient)
        cosines = _barred(self.space, self.ids, cosines)
        top = cosines.topk(_count(cosines, nearest), dim=1).indices
        promises = self.values.gather(1, top)
        z = (promises - promises.mean(1, keepdim=True)) / promises.std(
            1, correction=0, keepdim=True
        ).clamp(1e-12)
        return Proposals(top.cpu(), torch.softmax(z / temperature, dim=1).cpu())


def _drops(
    space: TokenSpace, ids: Int[Tensor, " length"], gradient: Float[Tensor, "length hidden"]
) -> Float[Tensor, "length vocabulary"]:
    here = (gradient * space.embeddings[ids]).sum(dim=1, keepdim=True)
    return here - gradient @ space.embeddings.T


def _cosines(
    space: TokenSpace, ids: Int[Tensor, " length"], gradient: Float[Tensor, "length hidden"]
) -> Float[Tensor, "length vocabulary"]:
    """Up to the gradient's norm, which is the same for all tokens of a position."""
    table, here = space.embeddings, space.embeddings[ids]
    squares = table.square().sum(1) + here.square().sum(1, keepdim=True) - 2 * here @ table.T
    return _drops(space, ids, gradient) / squares.clamp(min=1e-12).sqrt()


def _barred(
    space: TokenSpace, ids: Int[Tensor, " length"], values: Float[Tensor, "length vocabulary"]
) -> Float[Tensor, "length vocabulary"]:
    barred = values.masked_fill(~space.allowed, -torch.inf)
    return barred.scatter(1, ids[:, None], -torch.inf)


def _count(values: Float[Tensor, "length vocabulary"], nearest: int) -> int:
    """So many tokens, or all that may be put at every position."""
    return min(nearest, int(values.isfinite().sum(dim=1).min()))
