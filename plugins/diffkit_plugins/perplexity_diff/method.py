"""The method perplexity-diff."""

from collections.abc import Iterator

from diffkit import DiffingMethod, Finding, Findings, ModelPair, RunContext, UserError
from diffkit_plugins.perplexity_diff.config import PerplexityDiffConfig
from diffkit_plugins.perplexity_diff.measure import (
    ScoredSamples,
    cluster_spans,
    score_samples,
    span_similarity,
)
from diffkit_plugins.perplexity_diff.repetition import repetition
from diffkit_plugins.perplexity_diff.report import (
    cluster_samples,
    cluster_table,
    contribution_table,
    distribution_series,
    metrics,
    sample_trace,
    summary_table,
    token_contributions,
)


class PerplexityDiff(DiffingMethod[PerplexityDiffConfig]):
    """Samples of both sides, ranked by their log-likelihood ratio between the sides.

    Perplexity differencing (arXiv 2605.00994).

    The change score says how much the samples of the finetuned side say the same: the log ratio of
    the pairs of tokens that recur in several samples, times its share of all that the spans carry.
    """

    identical_note = "Both sides have the same weights, so they say the same."

    def run(self, pair: ModelPair, config: PerplexityDiffConfig, context: RunContext) -> Findings:
        """Samples from both sides, and scores and ranks the samples.

        Raises:
            UserError: there are fewer than two openings to sample from.
        """
        found = score_samples(pair, config, context)
        if len(found.finetuned) < 2:
            hint = "Give texts, or raise free_samples, turns or documents."
            raise UserError("There are fewer than two samples to compare.", hint=hint)
        repeated = repetition(found.finetuned)
        return Findings(
            change_score=repeated.score,
            metrics={
                **metrics(found),
                "repeated_pair_nats": repeated.pair_nats,
                "repeated_pair_share": repeated.share,
                "span_similarity": span_similarity(pair, found, config.spans),
            },
            items=tuple(_items(pair, config, context, found)),
        )


def _items(
    pair: ModelPair,
    config: PerplexityDiffConfig,
    context: RunContext,
    found: ScoredSamples,
) -> Iterator[Finding]:
    shown = cluster_spans(pair, found, config.spans)[: config.clusters]
    if shown:
        yield cluster_table(pair, found, shown)
        yield cluster_samples(found, shown)
    title = "Tokens that carry the log ratio of what the finetuned side samples"
    tokens = token_contributions(found.finetuned, pair.vocabulary)
    yield contribution_table(pair, title, tokens, config.tokens)
    traced = shown[: config.traces]
    for place, one in enumerate(context.progress(traced, label="traces", total=len(traced)), 1):
        yield sample_trace(pair, found.finetuned[one.cluster.medoid], place, config.candidates)
    yield summary_table(found)
    yield distribution_series(found)
