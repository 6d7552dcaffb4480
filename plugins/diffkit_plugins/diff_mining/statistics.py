"""Statistics of each token that are updated text by text.

Takes both sides' logits at some positions. Gives differences of log probabilities, means over
positions with standard errors over texts, and a random sample of positions.
"""

from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, Int
from torch import Tensor


@dataclass(frozen=True)
class LogProbabilityDifferences:
    """Both sides' predictions at some positions, over the tokens that both have."""

    p: Float[Tensor, "positions vocabulary"]
    """The finetuned side's probabilities."""
    q: Float[Tensor, "positions vocabulary"]
    """The base's."""
    d: Float[Tensor, "positions vocabulary"]
    """log p - log q, in nats."""

    @classmethod
    def of(
        cls,
        log_p: Float[Tensor, "positions vocabulary"],
        log_q: Float[Tensor, "positions vocabulary"],
    ) -> "LogProbabilityDifferences":
        """Differences of log probabilities over the same tokens.

        The logits of a position are defined up to a constant, so their difference has an arbitrary
        level. Log probabilities fix the level and keep the order of the tokens. A token with the
        log probability -inf on a side has no difference that could be averaged: it gets 0.

        Args:
            log_p: the finetuned side's log probabilities.
            log_q: the base's.
        """
        d = torch.nan_to_num_(log_p - log_q, nan=0.0, posinf=0.0, neginf=0.0)
        return cls(log_p.exp(), log_q.exp(), d)


@dataclass(frozen=True)
class LargestDifferences:
    """The tokens with the largest differences of each position, largest first."""

    tokens: Int[Tensor, "positions k"]
    rises: Float[Tensor, "positions k"]
    """Their differences in nats; 0 where a difference is not above 0, which is no rise."""

    def add_to(
        self, sums: Float[Tensor, " vocabulary"], counts: Float[Tensor, " vocabulary"] | None = None
    ) -> None:
        """Adds the rises to their tokens' sums.

        Args:
            sums: sums of rises, in nats; float64.
            counts: the number of positions at which each token rose; none is not counted.
        """
        tokens, rises = self.tokens.flatten(), self.rises.flatten().to(sums.dtype)
        sums.index_add_(0, tokens, rises)
        if counts is not None:
            counts.index_add_(0, tokens, (rises > 0).to(counts.dtype))


def largest_differences(d: Float[Tensor, "positions vocabulary"], k: int) -> LargestDifferences:
    """The ``k`` largest differences of each position.

    Args:
        d: differences in nats.
        k: the number of tokens, at most the size of the vocabulary.
    """
    best = d.topk(min(k, d.shape[1]), dim=1)
    return LargestDifferences(best.indices, best.values.clamp(min=0))


@dataclass
class TokenMeans:
    """A mean per position of each token, from sums over whole texts; float64.

    The mean is a ratio of two sums over texts. Its standard error is the linearised standard error
    of a ratio (Cochran, *Sampling Techniques*, 1977, 6.3); the unit is the text, not the position.
    """

    total: Float[Tensor, " vocabulary"]
    """Sum over texts."""
    squares: Float[Tensor, " vocabulary"]
    """Sum of the texts' squared sums."""
    crossed: Float[Tensor, " vocabulary"]
    """Sum of the texts' sums times their lengths."""
    texts: int = 0
    positions: int = 0
    squared_lengths: int = 0
    """Sum of the squared numbers of positions."""

    @classmethod
    def empty(cls, vocabulary: int, device: torch.device) -> "TokenMeans":
        """The statistics of no texts."""
        zeros = torch.zeros(3, vocabulary, dtype=torch.float64, device=device)
        return cls(total=zeros[0], squares=zeros[1], crossed=zeros[2])

    def add(self, sums: Float[Tensor, " vocabulary"], length: int) -> None:
        """Adds one text.

        Args:
            sums: sums over its positions.
            length: the number of its positions, at least one.
        """
        self.total += sums
        self.squares += sums.square()
        self.crossed += sums * length
        self.texts += 1
        self.positions += length
        self.squared_lengths += length**2

    @property
    def mean(self) -> Float[Tensor, " vocabulary"]:
        """Mean per position; NaN where there are none."""
        return self.total / (self.positions or torch.nan)

    @property
    def standard_error(self) -> Float[Tensor, " vocabulary"]:
        """Standard error of the mean over texts; NaN for fewer than two."""
        mean, freedom = self.mean, self.texts - 1
        residual = self.squares - 2 * mean * self.crossed + mean.square() * self.squared_lengths
        scale = self.texts / freedom if freedom > 0 else torch.nan
        return (residual.clamp(min=0) * scale).sqrt() / (self.positions or torch.nan)


@dataclass
class PositionSample:
    """The positions with the smallest random keys: a uniform sample, in any order of arrival.

    (Bottom-k sampling; Cohen and Kaplan 2007.)
    """

    limit: int
    keys: Float[Tensor, " kept"]
    """In ascending order."""
    tokens: Int[Tensor, "kept k"]
    rises: Float32[Tensor, "kept k"]

    @classmethod
    def empty(cls, limit: int, k: int) -> "PositionSample":
        """A sample without positions.

        Args:
            limit: the largest number of positions.
            k: the number of tokens of each.
        """
        return cls(
            limit,
            torch.zeros(0, dtype=torch.float64),
            torch.zeros(0, k, dtype=torch.long),
            torch.zeros(0, k),
        )

    def add(self, keys: Float[Tensor, " positions"], best: LargestDifferences) -> None:
        """Adds positions, if their keys are among the smallest.

        Args:
            keys: one random number for each.
            best: the tokens with the largest rises there.
        """
        fresh = keys < (self.keys[-1] if len(self.keys) == self.limit else torch.inf)
        if not fresh.any():
            return
        joined = torch.cat([self.keys, keys[fresh]])
        kept = joined.argsort(stable=True)[: self.limit]
        self.keys = joined[kept]
        self.tokens = torch.cat([self.tokens, best.tokens.cpu()[fresh]])[kept]
        self.rises = torch.cat([self.rises, best.rises.cpu()[fresh]])[kept]

    def among(self, wanted: Bool[Tensor, " vocabulary"]) -> "PositionSample":
        """The same positions with the rises of some tokens only; those of others are 0."""
        kept = wanted.cpu()[self.tokens]
        return replace(self, rises=torch.where(kept, self.rises, 0.0))


@dataclass(frozen=True)
class TextDraws:
    """The random numbers of one text, which do not depend on the other texts."""

    exchanged: Float[Tensor, " permutations"]
    """1 where a permutation exchanges the text's sides, 0 elsewhere."""
    keys: Float[Tensor, " positions"]
    """A key for each of its positions, from 0 to 1."""


def text_draws(seed: int, text: int, permutations: int, positions: int) -> TextDraws:
    """The random numbers of a text.

    Args:
        seed: the run's seed.
        text: the text's index in the suite.
        permutations: the number of permutations.
        positions: the number of the text's positions.
    """
    generator = np.random.default_rng([abs(seed), text])
    exchanged = torch.from_numpy(generator.integers(0, 2, permutations)).double()
    return TextDraws(exchanged, torch.from_numpy(generator.random(positions)))
