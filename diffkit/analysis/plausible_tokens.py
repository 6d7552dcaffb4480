"""Tokens that a model might say somewhere, and those that it says nowhere.

Vocabularies hold tokens that were hardly ever trained: rare pieces of words, bytes, reserved names.
Both sides give them next to no probability everywhere, but finetuning may change their logits as
much as any other's, so that they fill tables of ratios.
"""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from diffkit.analysis.prediction_chunks import PredictionChunk

PLAUSIBLE_SHARE = 0.002
"""The least share of the likeliest token's probability that makes a token plausible.

Chosen on SmolLM2 (49,152 tokens) and 16 texts, where a quiet finetuning raised reserved names and
rare pieces most of all, by log ratio: these reach at most 0.0019, and the words that it taught
0.003 and more. Of the tiny zoo's 2,046 tokens 1,071 reach less than 0.0001, none of them in a text;
one that is in a text is below 0.002."""


@dataclass
class PlausibleTokens:
    """Which tokens come near the likeliest one in some prediction of either side.

    A token of which this is never so is said by no sampling, before or after: it has less than
    0.002 of the likeliest token's probability everywhere (the plausibility constraint of
    contrastive decoding, Li and others 2023, over all predictions of both sides). The rule does not
    depend on the vocabulary's size, and exchanging the sides changes nothing.
    """

    largest: Float[Tensor, " vocabulary"]
    """The largest log ratio of each token's probability to the likeliest one's; −inf before the
    first prediction."""

    @classmethod
    def empty(cls, vocabulary: int, device: torch.device) -> "PlausibleTokens":
        """Of no predictions.

        Args:
            vocabulary: the number of tokens that both sides have.
            device: where predictions are.
        """
        return cls(torch.full((vocabulary,), -math.inf, device=device))

    def add(self, part: PredictionChunk) -> None:
        """Adds some predictions."""
        for side in (part.base, part.finetuned):
            ratios = side - side.amax(dim=-1, keepdim=True)
            self.largest = torch.maximum(self.largest, ratios.amax(dim=0))

    @property
    def mask(self) -> Bool[Tensor, " vocabulary"]:
        """True at plausible tokens."""
        return self.largest >= math.log(PLAUSIBLE_SHARE)
