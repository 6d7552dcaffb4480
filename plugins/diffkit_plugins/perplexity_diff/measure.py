"""Samples of both sides, their log-likelihood ratios and the spans that carry these.

Takes both models and the texts whose openings are continued. Gives scored samples of both sides,
clusters of the spans with the largest ratios, and the change score.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

import numpy as np
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
from diffkit.analysis import (
    ContinuationBatch,
    ScoredCluster,
    batches_by_length,
    cluster_texts,
    indices_by_score,
    rank_clusters,
)
from diffkit.maths import text_distances
from diffkit_plugins.perplexity_diff.config import PerplexityDiffConfig


@dataclass(frozen=True)
class SampledText:
    """One side's continuation of an opening."""

    opening: PromptStart
    text: str
    """Without special tokens."""
    ids: tuple[int, ...]
    """The text's token ids by the base's tokenizer, up to the first token that one side does not
    have. Both sides are scored on them."""


@dataclass(frozen=True)
class SamplePair:
    """One sample of each side, from the same opening with the same draws."""

    base: SampledText
    finetuned: SampledText


def sample_pairs(
    pair: ModelPair, config: PerplexityDiffConfig, context: RunContext
) -> tuple[SamplePair, ...]:
    """Samples at temperature 1, so that likelier texts are more frequent.

    With `min_p` 0 the frequency of a text is its probability.

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
    sampling = Sampling(
        max_new_tokens=config.max_new_tokens,
        temperature=1.0,
        min_p=config.min_p,
        seed=context.seed,
    )
    batches = batches_by_length([len(opening.ids) for opening in rows], config.batch_size)
    drawn: list[SamplePair] = []
    for indices in context.progress(batches, label="samples", total=len(batches)):
        batch, first = [rows[index] for index in indices], len(drawn)
        base, finetuned = (
            _samples(pair, side, batch, sampling, first) for side in (pair.base, pair.finetuned)
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
        samples: the samples that are scored.
        config: the options.
        context: the progress display.

    Returns:
        For each sample a number for each of its ``ids``, float64, on the CPU.
    """
    lengths = [len(sample.opening.ids + sample.ids) for sample in samples]
    batches = batches_by_length(lengths, config.batch_size)
    found: dict[int, Float[Tensor, " tokens"]] = {}
    for indices in context.progress(batches, label="scores", total=len(batches)):
        batch = [samples[index] for index in indices]
        found.update(zip(indices, _batch(pair, batch, config.chunk), strict=True))
    return [found[index] for index in range(len(samples))]


def _batch(
    pair: ModelPair, samples: Sequence[SampledText], chunk: int | None
) -> list[Float[Tensor, " tokens"]]:
    openings = [sample.opening.ids for sample in samples]
    batch = ContinuationBatch.of(openings, [sample.ids for sample in samples])
    base, finetuned = (
        batch.score(side, pair.vocabulary, chunk) for side in (pair.base, pair.finetuned)
    )
    return batch.split((finetuned - base).double())


@dataclass(frozen=True)
class Span:
    """Consecutive tokens, from ``start`` to before ``stop``."""

    start: int
    stop: int
    score: float
    """The sum of log ratios less the cost of each token, in nats."""


def best_span(ratios: Float[Tensor, " tokens"], cost: float) -> Span:
    """The span with the largest sum of ``ratio − cost``, in one pass (Bentley 1984).

    Of equal spans the one that ends first, and of these the shortest. If no token exceeds its cost,
    the span is empty and its score is 0.

    Args:
        ratios: log ratios of a sample's tokens, in nats.
        cost: the cost of each token, in nats.
    """
    best, start, total = Span(0, 0, 0.0), 0, 0.0
    for index, ratio in enumerate(ratios.tolist()):
        if total <= 0:
            start, total = index, 0.0
        total += ratio - cost
        if total > best.score:
            best = Span(start, index + 1, total)
    return best


@dataclass(frozen=True)
class ScoredSample:
    """A sample with its log-likelihood ratios."""

    sample: SampledText
    ratios: Float[Tensor, " tokens"]
    """Log p_finetuned − log p_base of each token, in nats, float64."""
    span: Span
    """The span with the largest score."""

    @property
    def total(self) -> float:
        """The sample's log-likelihood ratio, in nats."""
        return float(self.ratios.sum())


@dataclass(frozen=True)
class ScoredSamples:
    """Both sides' samples, in the same order of openings."""

    base: tuple[ScoredSample, ...]
    finetuned: tuple[ScoredSample, ...]


def score_samples(
    pair: ModelPair, config: PerplexityDiffConfig, context: RunContext
) -> ScoredSamples:
    """Samples from both sides and scores the samples.

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
    """The text of a sample's span."""
    text: str = pair.base.tokenizer.decode(scored.sample.ids[scored.span.start : scored.span.stop])
    return text


def cluster_spans(pair: ModelPair, found: ScoredSamples, count: int) -> tuple[ScoredCluster, ...]:
    """Clusters of the finetuned side's spans with the largest scores, the largest sum first.

    Args:
        pair: both sides.
        found: the scored samples; clusters have their indices.
        count: the number of spans that are clustered.
    """
    scores, texts = _spans(pair, found)
    return rank_clusters(cluster_texts(texts, _largest(scores, count)), scores)


def span_similarity(pair: ModelPair, found: ScoredSamples, count: int) -> float:
    """The mean similarity of the spans of two different samples, weighted by their scores.

    The mean cosine similarity Σ s_i s_j sim_ij / Σ s_i s_j over i ≠ j, from 0 (no two spans share
    a piece of a word, or there are no two) to 1 (all spans are equal).

    Args:
        pair: both sides.
        found: the scored samples.
        count: the number of spans that are compared, those with the largest scores.
    """
    every, texts = _spans(pair, found)
    best = _largest(every, count)
    if len(best) < 2:
        return 0.0
    similarities = 1 - text_distances([texts[index] for index in best])
    scores = np.array([every[index] for index in best])
    weights = np.outer(scores, scores)
    np.fill_diagonal(weights, 0.0)
    return float((weights * similarities).sum() / weights.sum())


def _spans(pair: ModelPair, found: ScoredSamples) -> tuple[list[float], list[str]]:
    """The scores and the texts of the finetuned side's spans."""
    scores = [scored.span.score for scored in found.finetuned]
    return scores, [span_text(pair, scored) for scored in found.finetuned]


def _largest(scores: Sequence[float], count: int) -> list[int]:
    return [index for index in indices_by_score(scores, count) if scores[index] > 0]
