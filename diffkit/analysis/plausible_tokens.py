"""Tokens that a model says somewhere, and those that it says nowhere.

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


@dataclass
class LargestProbabilities:
    """The largest probability of each token over all predictions of both sides so far."""

    log: Float[Tensor, " vocabulary"]
    """In nats; −inf before the first prediction."""

    @classmethod
    def empty(cls, vocabulary: int, device: torch.device) -> "LargestProbabilities":
        """Of no predictions.

        Args:
            vocabulary: the number of tokens that both sides have.
            device: where predictions are.
        """
        return cls(torch.full((vocabulary,), -math.inf, device=device))

    def add(self, part: PredictionChunk) -> None:
        """Adds some predictions."""
        for side in (part.base, part.finetuned):
            self.log = torch.maximum(self.log, side.amax(dim=0))

    @property
    def plausible(self) -> Bool[Tensor, " vocabulary"]:
        """True at tokens that some side somewhere gives at least the uniform share, 1/vocabulary.

        Others are less likely everywhere, before and after, than a token drawn at random: a model
        says none of them, however much finetuning changed their logits.
        """
        return self.log >= -math.log(len(self.log))
