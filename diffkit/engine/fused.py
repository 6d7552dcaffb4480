"""A loss of both sides' predictions at many positions, without the logits of all of them.

The idea is that of Liger Kernel's fused linear losses (Hsu et al. 2024): unembedding, loss and
gradient are done a chunk of positions at a time, and of each chunk only the gradient at what the
unembedding read is kept. Theirs gives the teacher no gradient; here both sides get one.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable

from diffkit.engine.model import Model
from diffkit.engine.pair import ModelPair

ChunkLoss = Callable[
    [Float[Tensor, "chunk vocabulary"], Float[Tensor, "chunk vocabulary"], slice],
    Float[Tensor, " chunk"],
]
"""A loss at each position of a chunk, from the finetuned side's and the base's log probabilities
and the chunk's place among the positions."""


@dataclass(frozen=True)
class PairLoss:
    """A loss summed over positions, and what each of them gave."""

    total: Float[Tensor, ""]
    """The sum; gradients flow to both sides' states."""
    values: Float[Tensor, " positions"]
    """The loss at each position, detached."""


def pair_loss(
    pair: ModelPair,
    states_base: Float[Tensor, "positions hidden_base"],
    states_finetuned: Float[Tensor, "positions hidden_finetuned"],
    loss: ChunkLoss,
    *,
    chunk: int = 64,
) -> PairLoss:
    """Sums a loss of both sides' next-token distributions over positions.

    The distributions are over the tokens that both sides have, renormalised, float32, on the
    base's device. Gradients are computed along with the loss and kept as the size of the states;
    nothing of the size of the vocabulary outlives its chunk. They flow to the states alone: what
    else the loss depends on (weights of positions, say) counts as constant.

    Args:
        pair: the two models; each unembeds its own states.
        states_base: what the base's unembedding reads, as `Model.states` gives it.
        states_finetuned: the same of the finetuned side, at the same positions.
        loss: given the finetuned side's log probabilities, the base's, and which positions the
            chunk holds, gives the loss at each; a weighted sum is a loss with the weights in it.
        chunk: positions at a time; results do not depend on it beyond rounding.

    Returns:
        The sum, and the loss at each position, on the base's device.
    """
    evaluate = partial(_evaluate, pair, loss)
    total, values = _Fused.apply(states_base, states_finetuned, evaluate, chunk)  # type: ignore[no-untyped-call]
    return PairLoss(total, values)


class _Fused(torch.autograd.Function):
    """Takes the gradients in the forward pass; the backward pass only scales them."""

    @staticmethod
    def forward(
        ctx: Any,
        base: Tensor,
        finetuned: Tensor,
        evaluate: Callable[[Sequence[Tensor], slice], Tensor],
        chunk: int,
    ) -> tuple[Tensor, Tensor]:
        sides, wanted = (base, finetuned), ctx.needs_input_grad[:2]
        gradients = [torch.zeros_like(s) if w else None for s, w in zip(sides, wanted, strict=True)]
        values = torch.zeros(len(base), device=base.device)
        for start in range(0, len(base), chunk):
            places = slice(start, min(start + chunk, len(base)))
            leaves = [
                s[places].detach().requires_grad_(w) for s, w in zip(sides, wanted, strict=True)
            ]
            with torch.set_grad_enabled(any(wanted)):
                values[places] = evaluate(leaves, places)
            for gradient, leaf in zip(gradients, leaves, strict=True):
                if gradient is not None and leaf.grad is not None:
                    gradient[places] = leaf.grad
        ctx.save_for_backward(*gradients)
        ctx.mark_non_differentiable(values)
        return values.sum(), values

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, of_total: Tensor, _of_values: Tensor) -> tuple[Tensor | None, ...]:
        scaled = (
            None if gradient is None else gradient * of_total.to(gradient.device, gradient.dtype)
            for gradient in ctx.saved_tensors
        )
        return (*scaled, None, None)


def _evaluate(
    pair: ModelPair,
    loss: ChunkLoss,
    states: Sequence[Float[Tensor, "chunk hidden"]],
    places: slice,
) -> Float[Tensor, " chunk"]:
    """The loss at each position of a chunk; leaves its gradients at the states that want them."""
    base, finetuned = states
    log_q = _log_probabilities(pair.base, base, pair.vocabulary)
    log_p = _log_probabilities(pair.finetuned, finetuned, pair.vocabulary).to(log_q.device)
    each = loss(log_p, log_q, places)
    if each.requires_grad:  # at the states alone, whatever else the loss was made of
        wanted = [side for side in states if side.requires_grad]
        each.sum().backward(inputs=wanted)  # type: ignore[no-untyped-call]
    return each.detach()


def _log_probabilities(
    model: Model, states: Float[Tensor, "chunk hidden"], vocabulary: int
) -> Float[Tensor, "chunk vocabulary"]:
    # float32 before the softmax: bfloat16 has eight bits, too few for a sum over a vocabulary.
    return model.project(states)[:, :vocabulary].float().log_softmax(dim=-1)
