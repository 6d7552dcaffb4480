"""Gradients of a loss that reads both sides, where both may run on one network."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from diffkit.engine.inputs import Inputs
from diffkit.engine.model import Model
from diffkit.engine.pair import ModelPair

Loss = Callable[
    [Float[Tensor, "batch kept rows_base"], Float[Tensor, "batch kept rows_finetuned"]],
    Float[Tensor, ""],
]
"""A scalar from both sides' logits, base first."""


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
) -> PairedGradient:
    """Differentiates a loss of both sides' logits by their input embeddings.

    The gradient is first taken at the two outputs; then each side runs backward in its own
    adapter state. One backward pass through both would recompute checkpointed blocks with
    whichever adapter is on at that moment, which is silently wrong.

    Args:
        pair: the two models.
        embeds_base: what the base is given.
        embeds_finetuned: what the finetuned model is given; none gives it the same.
        mask: true at real tokens.
        loss: a scalar from both sides' logits, base first.
        keep: positions whose logits the loss is given, as in `Model.logits`.
    """
    if embeds_finetuned is None:
        embeds_finetuned = embeds_base
    leaf_base = embeds_base.detach().clone().requires_grad_()
    leaf_finetuned = embeds_finetuned.detach().clone().requires_grad_()
    logits_base = pair.base.logits(Inputs(mask, embeds=leaf_base), keep)
    logits_finetuned = pair.finetuned.logits(Inputs(mask, embeds=leaf_finetuned), keep)
    out_base = logits_base.detach().requires_grad_()
    out_finetuned = logits_finetuned.detach().requires_grad_()
    with torch.enable_grad():
        value = loss(out_base, out_finetuned)
        value.backward()  # type: ignore[no-untyped-call]
    return PairedGradient(
        float(value.detach()),
        _backward(pair.base, leaf_base, logits_base, out_base),
        _backward(pair.finetuned, leaf_finetuned, logits_finetuned, out_finetuned),
    )


def _backward(
    model: Model,
    leaf: Float[Tensor, "batch seq hidden"],
    logits: Float[Tensor, "batch kept rows"],
    out: Float[Tensor, "batch kept rows"],
) -> Float[Tensor, "batch seq hidden"]:
    """Runs one side backward; edits in force forward must still be in force."""
    if out.grad is None:  # the loss does not read this side
        return torch.zeros_like(leaf)
    with model.active():
        logits.backward(out.grad)  # type: ignore[no-untyped-call]
    return torch.zeros_like(leaf) if leaf.grad is None else leaf.grad
