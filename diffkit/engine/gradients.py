"""Gradients of a loss that reads both sides, where both may run on one network."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from diffkit.engine.inputs import Inputs
from diffkit.engine.model import Model
from diffkit.engine.pair import ModelPair

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
    read_base = _read(pair.base, Inputs(mask, embeds=leaf_base), keep, read)
    read_finetuned = _read(pair.finetuned, Inputs(mask, embeds=leaf_finetuned), keep, read)
    out_base = read_base.detach().requires_grad_()
    out_finetuned = read_finetuned.detach().requires_grad_()
    with torch.enable_grad():
        value = loss(out_base, out_finetuned)
        value.backward()  # type: ignore[no-untyped-call]
    return PairedGradient(
        float(value.detach()),
        _backward(pair.base, leaf_base, read_base, out_base),
        _backward(pair.finetuned, leaf_finetuned, read_finetuned, out_finetuned),
    )


def _read(
    model: Model, inputs: Inputs, keep: int | slice | None, read: Literal["logits", "states"]
) -> Float[Tensor, "batch kept width"]:
    return model.states(inputs, keep) if read == "states" else model.logits(inputs, keep)


def _backward(
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
