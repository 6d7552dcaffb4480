"""How far the finetuned side's samples say the same: pairs of tokens that recur in them.

Takes scored samples. Gives the log ratio that recurring pairs carry, and the change score.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from diffkit_plugins.perplexity_diff.measure import ScoredSample

HOLDERS = 3
"""Samples in which a pair of tokens must have a log ratio above 0 to recur."""

PAIRS = 10
"""Recurring pairs that count, those with the largest sums."""


@dataclass(frozen=True)
class Repetition:
    """What the leading pairs of consecutive tokens carry that recur in one side's samples."""

    pair_nats: float
    """The mean over the leading pairs of a pair's log ratio per sample, in nats."""
    span_nats: float
    """The mean score of the samples' best spans, in nats."""

    @property
    def share(self) -> float:
        """What a leading pair carries, as a share of the spans' scores; 0 where these are 0."""
        return self.pair_nats / self.span_nats if self.span_nats else 0.0

    @property
    def score(self) -> float:
        """The pairs' nats times their share: large where samples say far more of one thing.

        The share alone does not depend on the size of the change, and falls where a finetuning
        changes everything that is said; nats alone are as large for any loud change.
        """
        return self.pair_nats * self.share


def repetition(samples: Sequence[ScoredSample]) -> Repetition:
    """What recurs in the samples.

    A pair counts in a sample by the largest sum of its two log ratios there, if that is above 0.

    Args:
        samples: one side's, at least one.
    """
    nats: dict[tuple[int, int], float] = defaultdict(float)
    holders: dict[tuple[int, int], int] = defaultdict(int)
    for sample in samples:
        best: dict[tuple[int, int], float] = {}
        for pair, ratio in _pairs(sample):
            best[pair] = max(ratio, best.get(pair, 0.0))
        for pair, ratio in best.items():
            nats[pair] += ratio
            holders[pair] += ratio > 0
    recurring = sorted((nats[pair] for pair, n in holders.items() if n >= HOLDERS), reverse=True)
    spans = sum(sample.span.score for sample in samples)
    count = len(samples)
    return Repetition(sum(recurring[:PAIRS]) / PAIRS / count, spans / count)


def _pairs(sample: ScoredSample) -> Iterator[tuple[tuple[int, int], float]]:
    """Each pair of consecutive tokens with the sum of their log ratios, in nats."""
    ids, ratios = sample.sample.ids, sample.ratios.tolist()
    both = zip(pairwise(ids), pairwise(ratios), strict=True)
    yield from ((pair, one + other) for pair, (one, other) in both)
