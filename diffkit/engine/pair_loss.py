"""Losses of both sides' predictions, and their gradients.

`pair_loss` never holds the logits of all positions. The idea is that of Liger Kernel's fused linear
losses (Hsu et al. 2024): unembedding, loss and gradient are computed for one chunk of positions at
a time, and only the gradient at the unembedding's input is kept. Liger gives the teacher no
gradient; here both sides get one. `paired_gradient` differentiates by the input embeddings.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.autograd.function import once_differentiable

from diffkit.engine.forward.finite import GRADIENT, checked_number, is_finite, unchecked_gradients
from diffkit.engine.inputs import Inputs
from diffkit.engine.model import Model
from diffkit.engine.pair import ModelPair

ChunkLoss = Callable[
    [Float[Tensor, "chunk vocabulary"], Float[Tensor, "chunk vocabulary"], slice],
    Float[Tensor, " chunk"],
]
"""The loss at each position of a chunk, from the finetuned side's log-probabilities, the base's,
and the chunk's slice of the positions."""


@dataclass(frozen=True)
class PairLoss:
    """A loss summed over positions, and the loss at each of them."""

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
    base's device. Gradients are computed along with the loss and stored at the size of the states;
    nothing of the size of the vocabulary outlives its chunk. Gradients flow to the states only:
    anything else the loss depends on (weights of positions, for example) is a constant.

    Args:
        pair: the two models; each unembeds its own states.
        states_base: the base's `Model.final_states`.
        states_finetuned: those of the finetuned side, at the same positions.
        loss: gives the loss at each position of a chunk; for a weighted sum it includes the
            weights.
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
    """The loss at each position of a chunk; stores gradients at the states that require them."""
    base, finetuned = states
    log_q = _log_probabilities(pair.base, base, pair.vocabulary)
    log_p = _log_probabilities(pair.finetuned, finetuned, pair.vocabulary).to(log_q.device)
    each = loss(log_p, log_q, places)
    if bool(each.isnan().any()):
        msg = f"the loss of both sides' predictions is NaN at {int(each.isnan().sum())} positions"
        raise ValueError(msg)
    if each.requires_grad:  # at the states only, even if the loss has other leaves
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
"""A scalar from the outputs of both sides, base first."""


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
        """Gradient by the embeddings where both sides had the same."""
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
    scaled: bool = False,
) -> PairedGradient:
    """Differentiates a loss of both sides' outputs by their input embeddings.

    The gradient is first computed at the two outputs; then each side runs backward in its own
    adapter state. One backward pass through both would recompute checkpointed blocks with the
    adapter that is active at that moment, which would be silently wrong.

    Args:
        pair: the two models.
        embeds_base: input embeddings of the base.
        embeds_finetuned: input embeddings of the finetuned model; none takes the base's.
        mask: true at real tokens.
        loss: a scalar from both sides' outputs, base first. It is called once, so it may store
            further results (values of each position, for example) in a variable of the caller's.
        keep: positions whose outputs the loss gets, as in `Model.logits`.
        read: the outputs that the loss gets, `Model.logits` or `Model.final_states`. A loss over a
            large vocabulary takes states, and makes logits a few at a time, as `pair_loss` does.
        scaled: whether the loss is scaled for float16 arithmetic, and the caller leaves out steps
            whose gradient overflows.

    Raises:
        NonFinite: a side's gradient overflows though the loss's is finite; not if it is scaled, nor
            with models in float16.
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
        _backward_side(pair.base, leaf_base, read_base, out_base, scaled),
        _backward_side(pair.finetuned, leaf_finetuned, read_finetuned, out_finetuned, scaled),
    )


def _outputs(
    model: Model, inputs: Inputs, keep: int | slice | None, read: Literal["logits", "states"]
) -> Float[Tensor, "batch kept width"]:
    with unchecked_gradients():
        return model.final_states(inputs, keep) if read == "states" else model.logits(inputs, keep)


def _backward_side(
    model: Model,
    leaf: Float[Tensor, "batch seq hidden"],
    output: Float[Tensor, "batch kept width"],
    out: Float[Tensor, "batch kept width"],
    scaled: bool,
) -> Float[Tensor, "batch seq hidden"]:
    """Runs one side backward; edits active in the forward pass must still be active."""
    if out.grad is None:  # the loss does not read this side
        return torch.zeros_like(leaf)
    with model.active():
        output.backward(out.grad)  # type: ignore[no-untyped-call]
    if leaf.grad is None:
        return torch.zeros_like(leaf)
    # Callers leave steps out where a scaled loss overflows. A gradient of the loss that is no
    # number is the loss's fault, and its caller knows its name.
    if scaled or model.dtype == torch.float16 or not is_finite(out.grad):
        return leaf.grad
    return checked_number(model, leaf.grad, GRADIENT)
