"""Divergences between both sides' predictions, collected in one pass over the texts.

Takes the texts and both models. Gives statistics of the divergences per token, what each token of
the vocabulary contributes to them, and the most divergent place of each token. The memory used does
not grow with the number of texts.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import torch
from jaxtyping import Float
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
class DivergentPlace:
    """A place of a text at which the predictions differ."""

    score: float
    """KL(finetuned‖base) of the prediction, in nats."""
    rank: int
    """The text's index in the suite, negated, so that the earlier of two equals is the larger."""
    position: int
    """The index of the predicted token in its text."""
    token: int
    """The token that contributes most to the divergence: the finetuned side would rather say it."""

    @property
    def text(self) -> int:
        """The text's index in the suite."""
        return -self.rank


@dataclass
class DivergentPlaces:
    """Of each token the place with the largest divergence among those to which it adds most.

    It holds at most as many places as there are tokens.
    """

    best: dict[int, DivergentPlace] = field(default_factory=dict)
    """By token."""
    counts: Counter[int] = field(default_factory=Counter)
    """The number of predictions to whose divergence each token adds most."""

    def add(self, place: DivergentPlace) -> None:
        """Adds a place, in any order of texts."""
        self.counts[place.token] += 1
        before = self.best.get(place.token)
        if before is None or place > before:
            self.best[place.token] = place

    def __iter__(self) -> Iterator[DivergentPlace]:
        """The best place of each token, largest score first."""
        yield from sorted(self.best.values(), reverse=True)


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

    places: DivergentPlaces
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

    def add(self, part: PredictionChunk, texts: Sequence[int], firsts: Sequence[int]) -> None:
        """Adds some predictions.

        Args:
            part: the predictions.
            texts: the index in the suite of each row's text.
            firsts: the column of each row's first token.
        """
        compared = compare_predictions(part.finetuned, part.base)
        self.kl_pq = self.kl_pq.add(compared.kl_pq)
        self.kl_qp = self.kl_qp.add(compared.kl_qp)
        self.jsd = self.jsd.add(compared.jsd)
        self.towards_finetuned += compared.towards_p
        self.towards_base += compared.towards_q
        likeliest = part.finetuned.argmax(dim=-1, keepdim=True)
        same = part.base.gather(1, likeliest)[:, 0] == part.base.amax(dim=-1)
        self.agreements += int(same.sum())
        numbers = (part.rows, part.columns, compared.kl_pq, compared.raised)
        for row, column, score, token in zip(*(each.tolist() for each in numbers), strict=True):
            position = column - firsts[row] + 1
            self.places.add(DivergentPlace(score, -texts[row], position, token))


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
        DivergentPlaces(),
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
    firsts = inputs.mask.int().argmax(dim=1).tolist()
    for part in prediction_chunks(pair, inputs, chosen, chunk=config.chunk):
        found.add(part, numbers, firsts)
