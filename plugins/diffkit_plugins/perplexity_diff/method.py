"""The method."""

from collections.abc import Iterator

from diffkit import DiffingMethod, Finding, Findings, ModelPair, RunContext, UserError
from diffkit_plugins.perplexity_diff import measure, report
from diffkit_plugins.perplexity_diff.config import PerplexityDiffConfig
from diffkit_plugins.perplexity_diff.measure import ScoredSamples, score_samples
from diffkit_plugins.perplexity_diff.report import (
    cluster_samples,
    cluster_table,
    sample_trace,
    token_contributions,
    token_table,
)


class PerplexityDiff(DiffingMethod[PerplexityDiffConfig]):
    """Samples of both sides, ranked by how much likelier they are to the finetuned side.

    Perplexity differencing (arXiv 2605.00994).

    The change score is how alike the most tilted spans of different samples are, each weighted by
    its log-likelihood ratio: whether the change says the same thing again and again. How large the
    ratios are does not tell a targeted finetuning from a benign one, which tilts as much.
    """

    identical_note = "Both sides have the same weights, so they say the same."

    def run(self, pair: ModelPair, config: PerplexityDiffConfig, context: RunContext) -> Findings:
        """Samples, scores and ranks.

        Raises:
            UserError: there are fewer than two openings to sample from.
        """
        found = score_samples(pair, config, context)
        if len(found.finetuned) < 2:
            hint = "Give texts, or raise free_samples, turns or documents."
            raise UserError("There are fewer than two samples to compare.", hint=hint)
        return Findings(
            change_score=measure.span_similarity(pair, found, config.spans),
            metrics=report.metrics(found),
            items=tuple(_items(pair, config, context, found)),
        )


def _items(
    pair: ModelPair,
    config: PerplexityDiffConfig,
    context: RunContext,
    found: ScoredSamples,
) -> Iterator[Finding]:
    shown = measure.cluster_spans(pair, found, config.spans)[: config.clusters]
    if shown:
        yield cluster_table(pair, found, shown)
        yield cluster_samples(found, shown)
    title = "Tokens that carry the log ratio of what the finetuned side samples"
    tokens = token_contributions(found.finetuned, pair.vocabulary)
    yield token_table(pair, title, tokens, config.tokens)
    traced = shown[: config.traces]
    for place, group in enumerate(context.progress(traced, label="traces", total=len(traced)), 1):
        yield sample_trace(pair, found.finetuned[group.typical], place, config.candidates)
    yield report.summary_table(found)
    yield report.distribution_series(found)
