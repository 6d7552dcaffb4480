"""How far the finetuned model raises each token, collected in one pass over the texts.

Takes the texts and both models. Gives `TokenStatistics`, whose size does not grow with the number
of texts, and log ratios of how often each side expects a token.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby

import torch
from jaxtyping import Float, Int
from torch import Tensor

from diffkit import ModelPair, RunContext
from diffkit.analysis import PredictionChunk, batches_of_texts, prediction_chunks
from diffkit_plugins.diff_mining.config import DiffMiningConfig
from diffkit_plugins.diff_mining.statistics import (
    LargestDifferences,
    LogProbabilityDifferences,
    PermutationSums,
    PositionSample,
    TextDraws,
    TokenMeans,
    largest_differences,
    text_draws,
)

PRIOR = 1.0
"""Occurrences that are added to those that each side expects (Laplace's rule of succession)."""


def log_ratios(
    p: Float[Tensor, " vocabulary"], q: Float[Tensor, " vocabulary"]
) -> Float[Tensor, " vocabulary"]:
    """log((p + 1) / (q + 1)) of expected occurrences, in nats.

    A token that neither side expects even once in all texts stays near 0, even if its logits
    changed a lot.

    Args:
        p: how often the finetuned side expects each token.
        q: how often the base does.
    """
    return ((p + PRIOR) / (q + PRIOR)).log()


def standardized_log_ratios(
    p: Float[Tensor, " vocabulary"], q: Float[Tensor, " vocabulary"]
) -> Float[Tensor, " vocabulary"]:
    """The log ratios in the standard errors that they would have if occurrences were counted.

    (Monroe, Colaresi and Quinn, *Fightin' Words*, 2008, with a flat prior.)
    """
    return log_ratios(p, q) / (1 / (p + PRIOR) + 1 / (q + PRIOR)).sqrt()


def concentration(ratios: Float[Tensor, " vocabulary"]) -> float:
    """One over the share of the vocabulary that the log ratios are spread over; 0 if all are 0.

    V Σr⁴ / (Σr²)², the inverse participation ratio: 1 if all tokens have the same ratio, V / n if n
    tokens have the same and all others 0. It does not depend on the scale of the ratios.
    """
    squares = ratios.square()
    total = float(squares.sum())
    if total == 0:
        return 0.0
    return float(len(ratios) * (squares / total).square().sum())


def mean_absolute(ratios: Float[Tensor, " vocabulary"]) -> float:
    """The mean absolute value of the ratios, in nats."""
    return float(torch.mean(ratios.abs()))


@dataclass
class TextSums:
    """Sums over the positions of one text; float64."""

    rise: Float[Tensor, " vocabulary"]
    """Differences where they are among a position's largest, in nats."""
    fall: Float[Tensor, " vocabulary"]
    """The same with the sides exchanged."""
    raised: Float[Tensor, " vocabulary"]
    """Positions at which the difference is among the largest, and above 0."""
    positive: Float[Tensor, " vocabulary"]
    """Positions at which the difference is above 0."""
    difference: Float[Tensor, " vocabulary"]
    """All differences, in nats."""
    p: Float[Tensor, " vocabulary"]
    """The finetuned side's probabilities."""
    q: Float[Tensor, " vocabulary"]
    """The base's."""

    @classmethod
    def empty(cls, vocabulary: int, device: torch.device) -> "TextSums":
        """The sums over no positions."""
        return cls(*torch.zeros(7, vocabulary, dtype=torch.float64, device=device).unbind())

    def add(
        self, moved: LogProbabilityDifferences, best: LargestDifferences, worst: LargestDifferences
    ) -> None:
        """Adds some positions.

        Args:
            moved: both sides' predictions there.
            best: the largest differences.
            worst: the largest with the sides exchanged.
        """
        best.add_to(self.rise, self.raised)
        worst.add_to(self.fall)
        self.positive += (moved.d > 0).sum(dim=0)
        self.difference += moved.d.sum(dim=0)
        self.p += moved.p.sum(dim=0)
        self.q += moved.q.sum(dim=0)


@dataclass(frozen=True)
class TextPosition:
    """Where a token was predicted in a text."""

    text: int
    """The text's index in the suite."""
    position: int
    """The index of the predicted token; the text's length for the token that would follow it."""


@dataclass
class LargestRises:
    """The largest rise of each token's probability, p - q, and its position."""

    rise: Float[Tensor, " vocabulary"]
    """0 where none rose."""
    text: Int[Tensor, " vocabulary"]
    position: Int[Tensor, " vocabulary"]

    @classmethod
    def empty(cls, vocabulary: int, device: torch.device) -> "LargestRises":
        """The statistics of no texts."""
        where = torch.zeros(2, vocabulary, dtype=torch.long, device=device)
        return cls(torch.zeros(vocabulary, device=device), *where.unbind())

    def add(self, rises: Float[Tensor, "positions vocabulary"], text: int, first: int) -> None:
        """Adds consecutive positions of one text.

        Args:
            rises: rises of probability.
            text: the text's index.
            first: the index of the token that the first of the positions predicts.
        """
        best = rises.max(dim=0)
        higher = best.values > self.rise
        self.rise = torch.where(higher, best.values, self.rise)
        self.text = torch.where(higher, text, self.text)
        self.position = torch.where(higher, best.indices + first, self.position)

    def of(self, token: int) -> TextPosition | None:
        """Where a token's probability rose most; none if it rose nowhere."""
        if self.rise[token] <= 0:
            return None
        return TextPosition(int(self.text[token]), int(self.position[token]))


@dataclass
class TokenStatistics:
    """Statistics of each token in the texts read so far."""

    rise: TokenMeans
    """Its difference where it is among the largest of a position, 0 elsewhere, in nats."""
    rate: TokenMeans
    """Whether it is among the largest of a position."""
    positive: TokenMeans
    """Whether it is likelier than before."""
    difference: TokenMeans
    """Its difference, in nats."""
    p: Float[Tensor, " vocabulary"]
    """How often the finetuned side expects it, summed over positions; float64."""
    q: Float[Tensor, " vocabulary"]
    """How often the base does."""
    exchanges: PermutationSums
    positions: PositionSample
    places: LargestRises

    @classmethod
    def empty(
        cls, vocabulary: int, config: DiffMiningConfig, device: torch.device
    ) -> "TokenStatistics":
        """The statistics of no texts."""
        rise, rate, positive, difference = (TokenMeans.empty(vocabulary, device) for _ in range(4))
        expected = torch.zeros(2, vocabulary, dtype=torch.float64, device=device)
        return cls(
            rise=rise,
            rate=rate,
            positive=positive,
            difference=difference,
            p=expected[0],
            q=expected[1],
            exchanges=PermutationSums.empty(config.permutations, vocabulary, device),
            positions=PositionSample.empty(config.sample, min(config.top_k, vocabulary)),
            places=LargestRises.empty(vocabulary, device),
        )

    def add(self, sums: TextSums, length: int, exchanged: Float[Tensor, " permutations"]) -> None:
        """Adds the sums over the positions of one text.

        Args:
            sums: the sums.
            length: the number of positions, at least one.
            exchanged: 1 where a permutation exchanges the text's sides, 0 elsewhere.
        """
        self.rise.add(sums.rise, length)
        self.rate.add(sums.raised, length)
        self.positive.add(sums.positive, length)
        self.difference.add(sums.difference, length)
        self.p += sums.p
        self.q += sums.q
        self.exchanges.add(sums.rise, sums.fall, exchanged)


def measure_tokens(
    pair: ModelPair, config: DiffMiningConfig, context: RunContext
) -> TokenStatistics:
    """Has both sides read the same token ids and compares all their predictions.

    Args:
        pair: both sides.
        config: the options.
        context: the texts, the seed and the progress display.
    """
    texts = context.texts.first(config.texts)
    found = TokenStatistics.empty(pair.vocabulary, config, pair.base.device)
    batches = batches_of_texts(pair.base, texts, config.batch_size, max_tokens=config.max_tokens)
    for numbers in context.progress(batches, label="texts", total=len(batches)):
        inputs = pair.base.inputs([texts.items[i] for i in numbers], max_tokens=config.max_tokens)
        # The prediction after the text's last token counts too: a finetuned model may continue
        # where others stop.
        chunks = prediction_chunks(pair, inputs, inputs.mask, chunk=config.chunk, one_row=True)
        for row, parts in groupby(chunks, key=lambda part: int(part.rows[0])):
            number, length = numbers[row], int(inputs.mask[row].sum())
            drawn = text_draws(context.seed, number, config.permutations, length)
            _read(found, parts, drawn, number=number, config=config)
    return found


def _read(
    found: TokenStatistics,
    parts: Iterable[PredictionChunk],
    drawn: TextDraws,
    *,
    number: int,
    config: DiffMiningConfig,
) -> None:
    """Adds one text, a chunk of its positions at a time."""
    sums, start = TextSums.empty(len(found.p), found.p.device), 0
    for part in parts:
        moved = LogProbabilityDifferences.of(part.finetuned, part.base)
        best, worst = (largest_differences(d, config.top_k) for d in (moved.d, -moved.d))
        sums.add(moved, best, worst)
        found.positions.add(drawn.keys[start : start + len(part.rows)], best)
        found.places.add(moved.p - moved.q, number, start + 1)
        start += len(part.rows)
    found.add(sums, start, drawn.exchanged)
