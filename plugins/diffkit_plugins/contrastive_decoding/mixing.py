"""The logits that texts are drawn from."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor


@dataclass(frozen=True)
class Amplified:
    """base + α (finetuned − base) logits, among plausible tokens, with an α for each row.

    A token is plausible if the expert gives it at least β times the probability of its likeliest
    (Li and others, *Contrastive Decoding*, arXiv 2210.15097). The expert is the finetuned side from
    α = 1 on: with the larger of both, what finetuning taught a model not to say would count as
    plausible. Below, it is the mix itself, so that the base's own texts are under the base's own
    limit and compare fairly.
    """

    alphas: Float[Tensor, " rows"]
    beta: float

    def __call__(
        self,
        base: Float[Tensor, "live vocabulary"],
        finetuned: Float[Tensor, "live vocabulary"],
        rows: Int[Tensor, " live"],
    ) -> Float[Tensor, "live vocabulary"]:
        """The logits of the rows in places ``rows``; −∞ where a token is implausible.

        With β = 0 they are exactly the base's at α = 0 and exactly the finetuned side's at 1, but
        that a token to which either side gives −∞ is never drawn.
        """
        base, finetuned = base.float(), finetuned.float()
        never = base.isneginf() | finetuned.isneginf()  # where differences are not numbers
        alphas = self.alphas.to(base.device)[rows][:, None]
        expert = torch.lerp(base, finetuned, alphas.clamp(0, 1)).masked_fill(never, -math.inf)
        limit = expert.amax(dim=-1, keepdim=True) + (
            math.log(self.beta) if self.beta else -math.inf
        )
        mixed = torch.lerp(base, finetuned, alphas)
        return mixed.masked_fill(never | (expert < limit), -math.inf)
