"""The logit lens: what a vector of the residual stream would say if it were the last block's."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from diffkit import Model, ModelPair
from diffkit.maths import jackknife
from diffkit_plugins.activation_lens.noise import bound
from diffkit_plugins.activation_lens.shift import Shift


@dataclass(frozen=True)
class Scores:
    """How much the mean difference promotes each token."""

    values: Float[Tensor, " vocabulary"]
    """Logits less their mean over the vocabulary, float64."""
    errors: Float[Tensor, " vocabulary"] | None
    """Their standard errors; none where all texts are in one fold."""
    groups: int
    """Folds that the errors come from."""

    @property
    def bound(self) -> float | None:
        """How many standard errors a token must be promoted by to pass for more than noise."""
        return None if self.errors is None else bound(len(self.values), self.groups)

    @property
    def passing(self) -> Bool[Tensor, " vocabulary"]:
        """Tokens promoted by more than that; without errors nothing is known, and none."""
        if self.errors is None or self.bound is None:
            return torch.zeros_like(self.values, dtype=torch.bool)
        return self.values > self.bound * self.errors


def lens(
    side: Model, vectors: Float[Tensor, "*batch hidden"], vocabulary: int
) -> Float[Tensor, "*batch vocabulary"]:
    """Final norm and unembedding; logits less their mean over the vocabulary, float64.

    Only differences of logits mean anything, so their common level is taken out.

    Args:
        side: whose norm and unembedding it is.
        vectors: residual streams.
        vocabulary: tokens that count, from the first.
    """
    logits = side.unembed(vectors.float())[..., :vocabulary].double().cpu()
    return logits - logits.mean(dim=-1, keepdim=True)


def promoted(pair: ModelPair, shift: Shift) -> Scores:
    """The lens of the mean difference, with the finetuned side's norm and unembedding.

    The difference is first brought to the base's typical norm. The final norm would do it anyway,
    but its epsilon would damp a small difference, and a bias in it would drown one.

    Args:
        pair: both sides.
        shift: the difference; not zero.
    """

    def read(vectors: Float[Tensor, "*batch hidden"]) -> Float[Tensor, "*batch vocabulary"]:
        length = vectors.norm(dim=-1, keepdim=True).clamp(min=1e-300)
        return lens(pair.finetuned, vectors * (shift.base_norm / length), pair.vocabulary)

    values, *without = read(torch.cat([shift.mean[None], shift.without]))
    if not without:
        return Scores(values, None, 0)
    errors = jackknife(values, torch.stack(without), shift.sizes)
    return Scores(values, errors, len(shift.sizes))
