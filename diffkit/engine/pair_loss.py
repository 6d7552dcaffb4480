"""Losses of both sides' predictions, computed in chunks, and their gradients.

The idea is that of Liger Kernel's fused linear losses (Hsu et al. 2024): unembedding, loss
and gradient are computed for one chunk of positions at a time, and only the gradient at
the unembedding's input is kept. Liger gives the teacher no gradient; here both sides get
one.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.autograd.function import once_differentiable

from diffkit.engine.inputs import Inputs
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
    evaluate = partial(_evaluate_chunk, pair, loss)
    total, values = _ChunkedLoss.apply(states_base, states_finetuned, evaluate, chunk)  # type: ignore[no-untyped-call]
    return PairLoss(total, values)


class _ChunkedLoss(torch.autograd.Function):
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


def _evaluate_chunk(
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


Loss = Callable[
    [Float[Tensor, "batch kept width_base"], Float[Tensor, "batch kept width_finetuned"]],
    Float[Tensor, ""],
]
"""A scalar from what is read of both sides, base first."""


@dataclass(frozen=True)
class PairedGradient:
    """A loss and its gradient at each side's input embeddings."""

    loss: float
    """The loss."""
    base: Float[Tensor, "batch seq hidden"]
    """Gradient through the base."""
    finetuned: Float[Tensor, "batch seq hidden"]
    """Gradient through the finetuned model."""

    @property
    def total(self) -> Float[Tensor, "batch seq hidden"]:
        """Gradient where both sides were given the same embeddings."""
        return self.base + self.finetuned


def paired_gradient(
    pair: ModelPair,
    embeds_base: Float[Tensor, "batch seq hidden"],
    embeds_finetuned: Float[Tensor, "batch seq hidden"] | None,
    mask: Bool[Tensor, "batch seq"],
    loss: Loss,
    *,
    keep: int | slice | None = None,
    read: Literal["logits", "states"] = "logits",
) -> PairedGradient:
    """Differentiates a loss of both sides' outputs by their input embeddings.

    The gradient is first taken at the two outputs; then each side runs backward in its own
    adapter state. One backward pass through both would recompute checkpointed blocks with
    whichever adapter is on at that moment, which is silently wrong.

    Args:
        pair: the two models.
        embeds_base: what the base is given.
        embeds_finetuned: what the finetuned model is given; none gives it the same.
        mask: true at real tokens.
        loss: a scalar from both sides' outputs, base first. It is called once; what else it
            computes (values of each position, say) it may leave in a variable of the caller's.
        keep: positions whose outputs the loss is given, as in `Model.logits`.
        read: what the loss is given, `Model.logits` or `Model.states`. A loss over a large
            vocabulary takes states, and makes logits a few at a time, as `pair_loss` does.
    """
    if embeds_finetuned is None:
        embeds_finetuned = embeds_base
    leaf_base = embeds_base.detach().clone().requires_grad_()
    leaf_finetuned = embeds_finetuned.detach().clone().requires_grad_()
    read_base = _outputs(pair.base, Inputs(mask, embeds=leaf_base), keep, read)
    read_finetuned = _outputs(pair.finetuned, Inputs(mask, embeds=leaf_finetuned), keep, read)
    out_base = read_base.detach().requires_grad_()
    out_finetuned = read_finetuned.detach().requires_grad_()
    with torch.enable_grad():
        value = loss(out_base, out_finetuned)
        value.backward()  # type: ignore[no-untyped-call]
    return PairedGradient(
        float(value.detach()),
        _backward_side(pair.base, leaf_base, read_base, out_base),
        _backward_side(pair.finetuned, leaf_finetuned, read_finetuned, out_finetuned),
    )


def _outputs(
    model: Model, inputs: Inputs, keep: int | slice | None, read: Literal["logits", "states"]
) -> Float[Tensor, "batch kept width"]:
    return model.states(inputs, keep) if read == "states" else model.logits(inputs, keep)


def _backward_side(
    model: Model,
    leaf: Float[Tensor, "batch seq hidden"],
    output: Float[Tensor, "batch kept width"],
    out: Float[Tensor, "batch kept width"],
) -> Float[Tensor, "batch seq hidden"]:
    """Runs one side backward; edits in force forward must still be in force."""
    if out.grad is None:  # the loss does not read this side
        return torch.zeros_like(leaf)
    with model.active():
        output.backward(out.grad)  # type: ignore[no-untyped-call]
    return torch.zeros_like(leaf) if leaf.grad is None else leaf.grad
