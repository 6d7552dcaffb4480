"""How far the finetuned model raises each token, collected in one pass over the texts.

Takes the texts and both models. Gives `TokenStatistics`, whose size does not grow with the number
of texts.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from diffkit import ModelPair, RunContext
from diffkit.analysis import (
    PlausibleTokens,
    PredictionChunk,
    SelectedPositions,
    batches_of_texts,
    prediction_chunks,
)
from diffkit_plugins.diff_mining.config import DiffMiningConfig
from diffkit_plugins.diff_mining.exchanges import ExchangeSums
from diffkit_plugins.diff_mining.statistics import (
    LargestDifferences,
    LogProbabilityDifferences,
    PositionSample,
    TextDraws,
    TokenMeans,
    largest_differences,
    text_draws,
)


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
    """The index of the predicted token."""


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

    def add(
        self,
        rises: Float[Tensor, "positions vocabulary"],
        text: int,
        positions: Int[Tensor, " positions"],
    ) -> None:
        """Adds positions of one text.

        Args:
            rises: rises of probability.
            text: the text's index.
            positions: the index of the token that is predicted at each.
        """
        best = rises.max(dim=0)
        higher = best.values > self.rise
        self.rise = torch.where(higher, best.values, self.rise)
        self.text = torch.where(higher, text, self.text)
        self.position = torch.where(higher, positions[best.indices], self.position)

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
    exchanges: ExchangeSums
    positions: PositionSample
    places: LargestRises
    selected: SelectedPositions
    """Which predictions count."""
    said: PlausibleTokens

    @property
    def plausible(self) -> Bool[Tensor, " vocabulary"]:
        """The tokens that some side would say somewhere; findings leave the others out."""
        return self.said.mask

    @classmethod
    def empty(cls, pair: ModelPair, config: DiffMiningConfig) -> "TokenStatistics":
        """The statistics of no texts."""
        vocabulary, device = pair.vocabulary, pair.base.device
        rise, rate, positive, difference = (TokenMeans.empty(vocabulary, device) for _ in range(4))
        expected = torch.zeros(2, vocabulary, dtype=torch.float64, device=device)
        return cls(
            rise=rise,
            rate=rate,
            positive=positive,
            difference=difference,
            p=expected[0],
            q=expected[1],
            exchanges=ExchangeSums.empty(config.permutations, vocabulary, device),
            positions=PositionSample.empty(config.sample, min(config.top_k, vocabulary)),
            places=LargestRises.empty(vocabulary, device),
            selected=SelectedPositions(pair.base.tokenizer, config.positions),
            said=PlausibleTokens.empty(vocabulary, device),
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

    Raises:
        UserError: no position has one of the labels that are read.
    """
    texts = context.texts.first(config.texts)
    found = TokenStatistics.empty(pair, config)
    batches = batches_of_texts(pair.base, texts, config.batch_size, max_tokens=config.max_tokens)
    for numbers in context.progress(batches, label="texts", total=len(batches)):
        batch = [texts.items[number] for number in numbers]
        inputs = pair.base.inputs(batch, max_tokens=config.max_tokens)
        chosen = found.selected.predicting(inputs, batch)
        if not chosen.any():
            continue
        chunks = prediction_chunks(pair, inputs, chosen, chunk=config.chunk, one_row=True)
        for row, parts in groupby(chunks, key=lambda part: int(part.rows[0])):
            number, length = numbers[row], int(chosen[row].sum())
            drawn = text_draws(context.seed, number, config.permutations, length)
            _read(found, parts, drawn, number=number, config=config)
    found.selected.check()
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
        found.said.add(part)
        found.positions.add(drawn.keys[start : start + len(part.rows)], best)
        found.places.add(moved.p - moved.q, number, part.columns + 1)
        start += len(part.rows)
    found.add(sums, start, drawn.exchanged)
