"""How far the sides are apart on passages, and what a prompt adds to it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from diffkit_plugins.soft_prompt_kl.passages import Passage


@dataclass(frozen=True)
class Parted:
    """A passage, and how the sides' predictions of each of its tokens compare."""

    passage: Passage
    kl: Float[Tensor, " tokens"]
    """KL(finetuned ‖ base) in nats, clipped."""
    overlap: Float[Tensor, " tokens"]
    """Jaccard index of both sides' likeliest tokens: |both| / |either|."""
    expected: Int[Tensor, "2 tokens"]
    """The likeliest token of the base, and of the finetuned side."""

    @property
    def agrees(self) -> Float[Tensor, " tokens"]:
        """1 where both sides have the same likeliest token, else 0."""
        return (self.expected[0] == self.expected[1]).float()


@dataclass(frozen=True)
class Measured:
    """All that was measured of a prompt, or of none."""

    parted: tuple[Parted, ...]

    @property
    def tokens(self) -> int:
        """How many tokens were compared."""
        return sum(len(one.kl) for one in self.parted)

    @property
    def divergence(self) -> float:
        """D: the mean clipped KL(finetuned ‖ base) per token, in nats; 0 where there is none."""
        return self._mean("kl")

    @property
    def agreement(self) -> float:
        """Share of tokens at which both sides have the same likeliest token."""
        return self._mean("agrees")

    @property
    def overlap(self) -> float:
        """Mean Jaccard index of both sides' likeliest tokens."""
        return self._mean("overlap")

    def by_category(self) -> Mapping[str, "Measured"]:
        """The same of each category's passages, in the order in which categories come up."""
        found: dict[str, list[Parted]] = {}
        for one in self.parted:
            found.setdefault(one.passage.category, []).append(one)
        return {category: Measured(tuple(parted)) for category, parted in found.items()}

    def _mean(self, name: str) -> float:
        every = [getattr(one, name) for one in self.parted]
        return float(torch.cat(every).double().mean()) if self.tokens else 0.0


@dataclass(frozen=True)
class Advantage:
    """What a prompt adds to how far the sides are apart."""

    prompted: Measured
    """On completions under the prompt."""
    plain: Measured
    """On completions of the same contexts without it, with the same draws."""

    @property
    def score(self) -> float:
        """A = log D(P)/D(∅), at least 0, since no prompt is to be had too; 0 where D(∅) = 0."""
        ratio = ratio_of(self.prompted, self.plain)
        return math.log(ratio) if ratio > 1 else 0.0


def ratio_of(prompted: Measured, plain: Measured) -> float:
    """D(P)/D(∅); 1 where D(∅) = 0."""
    return prompted.divergence / plain.divergence if plain.divergence > 0 else 1.0
