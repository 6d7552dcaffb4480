"""Divergences between both sides' predictions, collected in one pass over the texts.

Takes the texts and both models. Gives statistics of the divergences per token, what each token of
the vocabulary contributes to them, and the most divergent token of each text. The memory used does
not grow with the number of texts.
"""

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import torch
from jaxtyping import Float, Int
from torch import Tensor

from diffkit import ModelPair, RunContext, Text
from diffkit.analysis import (
    PredictionChunk,
    SelectedPositions,
    batches_of_texts,
    prediction_chunks,
)
from diffkit.maths import compare_predictions
from diffkit.maths.moments import LogHistogram, Moments
from diffkit_plugins.kl.config import KLConfig


@dataclass(frozen=True, order=True)
class DivergentToken:
    """A token whose prediction differs most between the sides in its text."""

    score: float
    """KL(finetuned‖base) of the prediction of this token, in nats."""
    rank: int
    """The text's index in the suite, negated, so that the earlier of two equals is the larger."""
    position: int
    """The token's index in its text."""

    @property
    def text(self) -> int:
        """The text's index in the suite."""
        return -self.rank


@dataclass
class DivergentTokens:
    """Keeps the ``limit`` most divergent tokens, in any order of arrival."""

    limit: int
    _heap: list[DivergentToken] = field(default_factory=list)

    def add(self, *, score: float, text: int, position: int) -> None:
        """Adds the most divergent token of one text, if it is among the largest."""
        peak = DivergentToken(score, -text, position)
        if len(self._heap) < self.limit:
            heapq.heappush(self._heap, peak)
        elif self.limit:
            heapq.heappushpop(self._heap, peak)

    def __iter__(self) -> Iterator[DivergentToken]:
        """The tokens, largest score first."""
        yield from sorted(self._heap, reverse=True)

    def __len__(self) -> int:
        return len(self._heap)


@dataclass(frozen=True)
class DivergenceDistribution:
    """Mean, largest value and distribution of a divergence per token, in nats."""

    moments: Moments = field(default_factory=Moments)
    histogram: LogHistogram = field(default_factory=LogHistogram)
    largest: float = 0.0
    """0 where there are no values yet."""

    def add(self, values: Float[Tensor, " tokens"]) -> "DivergenceDistribution":
        """The distribution with more tokens."""
        if values.numel() == 0:
            return self
        return DivergenceDistribution(
            self.moments.add(values),
            self.histogram.add(values),
            max(self.largest, float(values.max())),
        )

    @property
    def mean(self) -> float:
        """Mean per token, in nats."""
        return self.moments.mean

    def quantile(self, q: float) -> float:
        """The value that a share ``q`` of the tokens does not exceed, to within a bin (12 %)."""
        return min(self.histogram.quantile(q), self.largest)


@dataclass
class DivergenceStatistics:
    """Statistics of the texts read so far; p is the finetuned side and q the base."""

    peaks: DivergentTokens
    towards_finetuned: Float[Tensor, " vocabulary"]
    """p·log(p/q) of each token, summed over predictions, in nats."""
    towards_base: Float[Tensor, " vocabulary"]
    """q·log(q/p) of each token, summed over predictions, in nats."""
    selected: SelectedPositions
    """Which predictions count."""
    kl_pq: DivergenceDistribution = field(default_factory=DivergenceDistribution)
    kl_qp: DivergenceDistribution = field(default_factory=DivergenceDistribution)
    jsd: DivergenceDistribution = field(default_factory=DivergenceDistribution)
    agreements: int = 0
    """Predictions in which both sides have the same likeliest token."""

    @property
    def tokens(self) -> int:
        """Number of tokens whose prediction was compared."""
        return self.jsd.moments.count

    def add(self, part: PredictionChunk) -> Float[Tensor, " chunk"]:
        """Adds some predictions, and returns the KL(finetuned‖base) of each in nats."""
        compared = compare_predictions(part.finetuned, part.base)
        self.kl_pq = self.kl_pq.add(compared.kl_pq)
        self.kl_qp = self.kl_qp.add(compared.kl_qp)
        self.jsd = self.jsd.add(compared.jsd)
        self.towards_finetuned += compared.towards_p
        self.towards_base += compared.towards_q
        same = part.finetuned.argmax(dim=-1) == part.base.argmax(dim=-1)
        self.agreements += int(same.sum())
        return compared.kl_pq


def measure_divergences(
    pair: ModelPair, config: KLConfig, context: RunContext
) -> DivergenceStatistics:
    """Has both sides read the same token ids and compares all their predictions.

    Args:
        pair: both sides.
        config: the options.
        context: the texts and the progress display.

    Raises:
        UserError: no position has one of the labels that are read.
    """
    texts = context.texts.first(config.texts)
    shape = (pair.vocabulary,)
    found = DivergenceStatistics(
        DivergentTokens(max(config.traces, config.samples)),
        torch.zeros(shape, dtype=torch.float64, device=pair.base.device),
        torch.zeros(shape, dtype=torch.float64, device=pair.base.device),
        SelectedPositions(pair.base.tokenizer, config.positions),
    )
    batches = batches_of_texts(pair.base, texts, config.batch_size, max_tokens=config.max_tokens)
    for numbers in context.progress(batches, label="texts", total=len(batches)):
        _read(pair, [texts.items[number] for number in numbers], numbers, config, found)
    found.selected.check()
    return found


def _read(
    pair: ModelPair,
    texts: Sequence[Text],
    numbers: Sequence[int],
    config: KLConfig,
    found: DivergenceStatistics,
) -> None:
    inputs = pair.base.inputs(texts, max_tokens=config.max_tokens)
    chosen = found.selected.predicting(inputs, texts)
    if not chosen.any():
        return
    scores = torch.full(inputs.mask.shape, -1.0)
    for part in prediction_chunks(pair, inputs, chosen, chunk=config.chunk):
        scores[part.rows.cpu(), part.columns.cpu()] = found.add(part).cpu()
    _add_peaks(scores, numbers, found.peaks)


def _add_peaks(
    scores: Float[Tensor, "batch seq"], numbers: Sequence[int], peaks: DivergentTokens
) -> None:
    best: Float[Tensor, " batch"]
    places: Int[Tensor, " batch"]
    best, places = scores.max(dim=1)
    for number, score, place in zip(numbers, best.tolist(), places.tolist(), strict=True):
        if score >= 0:
            peaks.add(score=score, text=number, position=place + 1)
