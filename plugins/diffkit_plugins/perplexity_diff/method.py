"""The method."""

from collections.abc import Iterator

from diffkit import DiffingMethod, Finding, Findings, ModelPair, Note, RunContext, UserError
from diffkit_plugins.perplexity_diff import groups, tables
from diffkit_plugins.perplexity_diff.config import PerplexityDiffConfig
from diffkit_plugins.perplexity_diff.survey import Survey, survey
from diffkit_plugins.perplexity_diff.tokens import contributions, token_table
from diffkit_plugins.perplexity_diff.traces import trace


class PerplexityDiff(DiffingMethod[PerplexityDiffConfig]):
    """Samples of both sides, ranked by how much likelier they are to the finetuned side.

    Perplexity differencing (arXiv 2605.00994).

    The change score is how alike the most tilted spans of different samples are, each weighted by
    its log-likelihood ratio: whether the change says the same thing again and again. How large the
    ratios are does not tell a targeted finetuning from a benign one, which tilts as much.
    """

    def run(self, pair: ModelPair, config: PerplexityDiffConfig, context: RunContext) -> Findings:
        """Samples, scores and ranks.

        Raises:
            UserError: there are fewer than two openings to sample from.
        """
        if pair.identical:
            note = Note(text="Both sides have the same weights, so they say the same.")
            return Findings(change_score=0.0, items=(note,))
        found = survey(pair, config, context)
        if len(found.finetuned) < 2:
            cure = "Give texts, or raise free_samples, turns or documents."
            raise UserError("There are fewer than two samples to compare.", cure=cure)
        return Findings(
            change_score=groups.repetition(pair, found, config.spans),
            metrics=tables.metrics(found),
            items=tuple(_items(pair, config, context, found)),
        )


def _items(
    pair: ModelPair,
    config: PerplexityDiffConfig,
    context: RunContext,
    found: Survey,
) -> Iterator[Finding]:
    shown = groups.groups(pair, found, config.spans)[: config.clusters]
    if shown:
        yield groups.table(pair, found, shown)
        yield groups.samples(found, shown)
    title = "Tokens that carry the log ratio of what the finetuned side samples"
    tokens = contributions(found.finetuned, pair.vocabulary)
    yield token_table(pair, title, tokens, config.tokens)
    traced = shown[: config.traces]
    for place, group in enumerate(context.progress(traced, label="traces", total=len(traced)), 1):
        yield trace(pair, found.finetuned[group.typical], place, config.candidates)
    yield tables.summary(found)
    yield tables.distribution(found)
