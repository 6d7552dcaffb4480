"""The findings of perplexity-diff: clusters of spans, samples, tokens, traces and a summary.

Takes the scored samples of `diffkit_plugins.perplexity_diff.measure`. Gives metrics and findings.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from diffkit import (
    Inputs,
    Line,
    ModelPair,
    Sample,
    Samples,
    Series,
    Table,
    TokenTable,
    TokenTrace,
)
from diffkit.analysis import (
    ScoredCluster,
    common_probabilities,
    token_table,
    token_texts,
    trace_tokens,
)
from diffkit.statistics import sign_flip_p
from diffkit_plugins.perplexity_diff.measure import (
    ScoredSample,
    ScoredSamples,
    span_text,
)


@dataclass(frozen=True)
class TokenContributions:
    """What each token contributes to the log ratio of one side's samples, in nats per sample."""

    mean: Float[Tensor, " vocabulary"]
    """The mean over the samples; 0 for a token that is in none."""
    error: Float[Tensor, " vocabulary"]
    """Its standard error, if samples are independent."""
    holders: Int[Tensor, " vocabulary"]
    """The number of samples that contain the token."""

    @property
    def low(self) -> Float[Tensor, " vocabulary"]:
        """The mean less one standard error; 0 where fewer than two samples contain the token."""
        return torch.where(self.holders > 1, self.mean - self.error, 0.0)


def token_contributions(scored: Sequence[ScoredSample], vocabulary: int) -> TokenContributions:
    """Sums each sample's log ratios by token, and then over samples.

    Args:
        scored: one side's samples, at least two.
        vocabulary: the number of tokens of the vocabulary.
    """
    total = torch.zeros(vocabulary, dtype=torch.float64)
    squares = torch.zeros(vocabulary, dtype=torch.float64)
    holders = torch.zeros(vocabulary, dtype=torch.long)
    for one in scored:
        ids, places = np.unique(np.array(one.sample.ids, dtype=np.int64), return_inverse=True)
        sums = torch.from_numpy(np.bincount(places, one.ratios.numpy(), minlength=len(ids)))
        total[ids] += sums
        squares[ids] += sums.square()
        holders[ids] += 1
    count = len(scored)
    mean = total / count
    variance = (squares / count - mean.square()).clamp(min=0) * count / (count - 1)
    return TokenContributions(mean, (variance / count).sqrt(), holders)


def contribution_table(
    pair: ModelPair, title: str, found: TokenContributions, count: int
) -> TokenTable:
    """The tokens with the largest lower bounds; those with a bound not above 0 are left out."""
    return token_table(
        title,
        found.mean,
        pair.base.tokenizer,
        count,
        unit="nats per sample",
        spread=found.error,
        order=found.low,
    )


def sample_trace(pair: ModelPair, scored: ScoredSample, place: int, candidates: int) -> TokenTrace:
    """The tokens of a sample after its opening, each with its log ratio.

    The models read the sample again, so that scoring keeps no predictions.

    Args:
        pair: both sides.
        scored: the sample.
        place: its rank among the samples shown, from 1, for the title.
        candidates: the number of likeliest tokens of each side.
    """
    sample, tokenizer = scored.sample, pair.base.tokenizer
    inputs = Inputs.of([sample.opening.ids + sample.ids])
    predicting = slice(len(sample.opening.ids) - 1, -1)
    base, finetuned = (
        common_probabilities(side.logits(inputs, keep=predicting)[0], pair.vocabulary)
        for side in (pair.base, pair.finetuned)
    )
    return TokenTrace(
        title=f"Sampled from the finetuned side, {place}: log(p finetuned / p base) of each token",
        unit="nats",
        tokens=trace_tokens(
            tokenizer,
            token_texts(tokenizer, sample.ids),
            scored.ratios.tolist(),
            base=base,
            finetuned=finetuned,
            candidates=candidates,
        ),
    )


_QUANTILES = (0.5, 0.9, 0.95)


def metrics(found: ScoredSamples) -> dict[str, float]:
    """Means over both sides' samples, and the p-value of their difference.

    ``span_exchange_p`` is the p-value of the difference of mean span scores under exchanges of
    finetuned and base within each opening: above 0.05, the samples do not distinguish the sides.
    """
    finetuned, base = span_scores(found.finetuned), span_scores(found.base)
    found_p = sign_flip_p((finetuned - base).numpy())
    return {
        "kl_finetuned_base_nats_per_token": _mean_ratio(found.finetuned),
        "kl_base_finetuned_nats_per_token": -_mean_ratio(found.base),
        "span_nats_finetuned": float(finetuned.mean()),
        "span_nats_base": float(base.mean()),
        "span_exchange_p": 1.0 if found_p is None else found_p,
        "samples_per_side": float(len(finetuned)),
    }


def _mean_ratio(scored: Sequence[ScoredSample]) -> float:
    ratios = torch.cat([one.ratios for one in scored])
    return float(ratios.mean()) if len(ratios) else 0.0


def summary_table(found: ScoredSamples) -> Table:
    """Statistics of the log ratios of tokens, samples and spans, for both sides' samples."""
    sides = (("finetuned", found.finetuned), ("base", found.base))
    rows = []
    for side, scored in sides:
        tokens = torch.cat([one.ratios for one in scored])
        totals = torch.tensor([one.total for one in scored], dtype=torch.float64)
        for what, values in (("token", tokens), ("sample", totals), ("span", span_scores(scored))):
            rows.append((f"{what} of the {side} side's", len(values), *_numbers(values)))
    return Table(
        title="log(p finetuned / p base) of what each side samples, nats",
        columns=("", "number", "mean", "median", "90 %", "95 %", "largest"),
        rows=tuple(rows),
    )


def distribution_series(found: ScoredSamples) -> Series:
    """The share of each side's samples whose span has at least a given score."""
    lines = []
    for side, scored in (("finetuned", found.finetuned), ("base", found.base)):
        values = span_scores(scored).sort(descending=True).values
        shares = (torch.arange(len(values), dtype=torch.float64) + 1) / len(values)
        lines.append(Line(name=side, x=tuple(values.tolist()), y=tuple(shares.tolist())))
    return Series(
        title="Samples whose best span scores at least so much",
        x_label="score of the span, nats",
        y_label="share of the side's samples",
        lines=tuple(lines),
    )


def span_scores(scored: Sequence[ScoredSample]) -> Float[Tensor, " samples"]:
    """The score of each sample's best span, in nats."""
    return torch.tensor([one.span.score for one in scored], dtype=torch.float64)


def _numbers(values: Float[Tensor, " values"]) -> tuple[float | None, ...]:
    if not len(values):
        return (None,) * (len(_QUANTILES) + 2)
    quantiles = np.quantile(values.numpy(), _QUANTILES)
    return (float(values.mean()), *quantiles.tolist(), float(values.max()))


def cluster_table(pair: ModelPair, found: ScoredSamples, shown: Sequence[ScoredCluster]) -> Table:
    """The clusters' typical spans, their numbers of samples, and their sums of scores."""
    rows = [
        (span_text(pair, found.finetuned[one.cluster.medoid]), len(one.cluster), one.total)
        for one in shown
    ]
    return Table(
        title="Spans that the finetuned side samples and the base finds unlikely, in clusters",
        columns=("typical span", f"samples of {len(found.finetuned)}", "sum of scores, nats"),
        rows=tuple(rows),
        text_columns=("typical span",),
    )


def cluster_samples(found: ScoredSamples, shown: Sequence[ScoredCluster]) -> Samples:
    """Each cluster's typical sample, and the base's sample from the same opening."""
    return Samples(
        title="A typical sample of each cluster with its log-likelihood ratio, and the base's from "
        "the same opening and draws",
        unit="nats",
        rows=tuple(_row(found, one.cluster.medoid) for one in shown),
    )


def _row(found: ScoredSamples, index: int) -> Sample:
    base, finetuned = found.base[index], found.finetuned[index]
    return Sample(
        prompt=finetuned.sample.opening.text,
        base=base.sample.text,
        finetuned=finetuned.sample.text,
        score=finetuned.total,
    )
