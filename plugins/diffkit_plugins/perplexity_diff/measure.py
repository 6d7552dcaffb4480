"""Samples of both sides, their log-likelihood ratios and the spans that carry these.

Takes both models and the texts whose openings are continued. Gives scored samples of both sides,
clusters of the spans with the largest ratios, and the change score.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from diffkit import (
    Inputs,
    Model,
    ModelPair,
    PromptStart,
    RunContext,
    Sampling,
    prompt_starts,
)
from diffkit.maths import text_clusters, text_distances, token_log_probabilities
from diffkit_plugins.perplexity_diff.config import PerplexityDiffConfig


@dataclass(frozen=True)
class SampledText:
    """How one side went on from an opening."""

    opening: PromptStart
    text: str
    """Without special tokens."""
    ids: tuple[int, ...]
    """The text's, by the base's tokenizer, up to the first that one side lacks; what both sides are
    scored on."""


@dataclass(frozen=True)
class SamplePair:
    """One sample of each side, from one opening with one row of draws."""

    base: SampledText
    finetuned: SampledText


def sample_pairs(
    pair: ModelPair, config: PerplexityDiffConfig, context: RunContext
) -> tuple[SamplePair, ...]:
    """Samples at temperature 1, so that a text comes as often as the side finds it likely.

    Args:
        pair: both sides.
        config: the options.
        context: texts, seed and progress.
    """
    found = prompt_starts(
        pair.base.tokenizer,
        context.texts,
        turns=config.turns,
        documents=config.documents,
        tokens=config.opening_tokens,
    )
    free = ("document", "chat", "empty turn")
    rows = [o for o in found for _ in range(config.free_samples if o.kind in free else 1)]
    rows.sort(key=lambda opening: len(opening.ids))  # rows of about one length need little padding
    sampling = Sampling(max_new_tokens=config.max_new_tokens, temperature=1.0, seed=context.seed)
    starts = range(0, len(rows), config.batch_size)
    drawn: list[SamplePair] = []
    for start in context.progress(starts, label="samples", total=len(starts)):
        batch = rows[start : start + config.batch_size]
        base, finetuned = (
            _samples(pair, side, batch, sampling, start) for side in (pair.base, pair.finetuned)
        )
        drawn += [SamplePair(*both) for both in zip(base, finetuned, strict=True)]
    return tuple(drawn)


def _samples(
    pair: ModelPair, side: Model, batch: Sequence[PromptStart], sampling: Sampling, first: int
) -> list[SampledText]:
    inputs = Inputs.of([opening.ids for opening in batch], side="left")
    done = side.generate_from(inputs, sampling, first=first)
    return [
        SampledText(opening, one.text, _common_ids(pair, one.text))
        for opening, one in zip(batch, done, strict=True)
    ]


def _common_ids(pair: ModelPair, text: str) -> tuple[int, ...]:
    ids: list[int] = pair.base.tokenizer(text, add_special_tokens=False, verbose=False).input_ids
    return tuple(takewhile(lambda token: token < pair.vocabulary, ids))


def log_ratios(
    pair: ModelPair,
    samples: Sequence[SampledText],
    config: PerplexityDiffConfig,
    context: RunContext,
) -> list[Float[Tensor, " tokens"]]:
    """Log p_finetuned(token) − log p_base(token) of each token of each sample, in nats.

    Both sides read the opening and the sample's own tokens (teacher forcing). Probabilities are
    over the tokens that both have.

    Args:
        pair: both sides.
        samples: what is scored.
        config: the options.
        context: where progress is shown.

    Returns:
        For each sample, float64 on the CPU, one for each of ``ids``.
    """
    order = sorted(range(len(samples)), key=lambda i: len(samples[i].opening.ids + samples[i].ids))
    found: list[Float[Tensor, " tokens"]] = [torch.zeros(0, dtype=torch.float64)] * len(samples)
    starts = range(0, len(order), config.batch_size)
    for start in context.progress(starts, label="scores", total=len(starts)):
        numbers = order[start : start + config.batch_size]
        batch = [samples[number] for number in numbers]
        for number, ratios in zip(numbers, _batch(pair, batch, config.chunk), strict=True):
            found[number] = ratios
    return found


def _batch(
    pair: ModelPair, samples: Sequence[SampledText], chunk: int
) -> list[Float[Tensor, " tokens"]]:
    """Padded on the left, so that the samples' own tokens are the last of each row."""
    inputs = Inputs.of([sample.opening.ids + sample.ids for sample in samples], side="left")
    assert inputs.ids is not None  # noqa: S101 - rows always give ids
    longest = max(len(sample.ids) for sample in samples)
    ids = inputs.ids[:, inputs.ids.shape[1] - longest :]
    base, finetuned = (
        token_log_probabilities(
            side.logits(inputs, keep=longest + 1)[:, :-1], ids, pair.vocabulary, chunk
        ).cpu()
        for side in (pair.base, pair.finetuned)
    )
    ratios = (finetuned - base).double()
    return [row[longest - len(s.ids) :] for row, s in zip(ratios, samples, strict=True)]


@dataclass(frozen=True)
class Span:
    """Consecutive tokens, from ``start`` to before ``stop``."""

    start: int
    stop: int
    score: float
    """The sum of log ratios less the cost of each token, in nats."""


def best_span(ratios: Float[Tensor, " tokens"], cost: float) -> Span:
    """The span with the largest sum of ``ratio − cost``, in one pass (Bentley 1984).

    Of equals the one that ends first, and of these the shortest; empty, with the score 0, where no
    token is worth its cost.

    Args:
        ratios: log ratios of a sample's tokens, in nats.
        cost: what a token must bring on average, in nats.
    """
    best, start, total = Span(0, 0, 0.0), 0, 0.0
    for place, ratio in enumerate(ratios.tolist()):
        if total <= 0:
            start, total = place, 0.0
        total += ratio - cost
        if total > best.score:
            best = Span(start, place + 1, total)
    return best


@dataclass(frozen=True)
class ScoredSample:
    """A sample and what each side thinks of it."""

    sample: SampledText
    ratios: Float[Tensor, " tokens"]
    """Log p_finetuned − log p_base of each token, in nats, float64."""
    span: Span
    """Where most of it lies."""

    @property
    def total(self) -> float:
        """The sample's log-likelihood ratio, in nats."""
        return float(self.ratios.sum())


@dataclass(frozen=True)
class ScoredSamples:
    """Both sides' samples, in one order of openings."""

    base: tuple[ScoredSample, ...]
    finetuned: tuple[ScoredSample, ...]


def score_samples(
    pair: ModelPair, config: PerplexityDiffConfig, context: RunContext
) -> ScoredSamples:
    """Draws and scores.

    Args:
        pair: both sides.
        config: the options.
        context: texts, seed and progress.
    """
    drawn = sample_pairs(pair, config, context)
    samples = [*(both.base for both in drawn), *(both.finetuned for both in drawn)]
    ratios = log_ratios(pair, samples, config, context)
    scored = [
        ScoredSample(sample, each, best_span(each, config.token_cost))
        for sample, each in zip(samples, ratios, strict=True)
    ]
    return ScoredSamples(tuple(scored[: len(drawn)]), tuple(scored[len(drawn) :]))


def span_text(pair: ModelPair, scored: ScoredSample) -> str:
    """The words of a sample's span."""
    text: str = pair.base.tokenizer.decode(scored.sample.ids[scored.span.start : scored.span.stop])
    return text


@dataclass(frozen=True)
class SpanCluster:
    """A cluster of the finetuned side's spans."""

    members: tuple[int, ...]
    """Places of their samples in the survey."""
    typical: int
    """The place of the most typical."""
    score: float
    """The sum of the spans' scores, in nats."""


def cluster_spans(pair: ModelPair, found: ScoredSamples, count: int) -> tuple[SpanCluster, ...]:
    """Clusters of the most tilted spans, the one with the largest sum first.

    A sum, because one odd sample may be tilted as far by chance as any, but not many alike.

    Args:
        pair: both sides.
        found: the survey.
        count: how many spans are clustered.
    """
    scores = [scored.span.score for scored in found.finetuned]
    best = _most_tilted(scores, count)
    clusters = text_clusters([span_text(pair, found.finetuned[place]) for place in best])
    made = [
        SpanCluster(
            tuple(best[member] for member in cluster.members),
            best[cluster.medoid],
            sum(scores[best[member]] for member in cluster.members),
        )
        for cluster in clusters
    ]
    return tuple(sorted(made, key=lambda group: (-group.score, group.members)))


def span_similarity(pair: ModelPair, found: ScoredSamples, count: int) -> float:
    """How alike the spans of two different samples are, each weighted by its score.

    The mean cosine similarity Σ s_i s_j sim_ij / Σ s_i s_j over i ≠ j, from 0 (no two spans share
    a piece of a word, or there are no two) to 1 (all spans are the same).

    Args:
        pair: both sides.
        found: the survey.
        count: how many spans are compared, the most tilted.
    """
    every = [scored.span.score for scored in found.finetuned]
    best = _most_tilted(every, count)
    if len(best) < 2:
        return 0.0
    alike = 1 - text_distances([span_text(pair, found.finetuned[place]) for place in best])
    scores = np.array([every[place] for place in best])
    weights = np.outer(scores, scores)
    np.fill_diagonal(weights, 0.0)
    return float((weights * alike).sum() / weights.sum())


def _most_tilted(scores: Sequence[float], count: int) -> list[int]:
    order = sorted(range(len(scores)), key=lambda place: (-scores[place], place))
    return [place for place in order[:count] if scores[place] > 0]
