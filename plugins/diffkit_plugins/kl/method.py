"""The method kl."""

from collections.abc import Iterator

from diffkit import DiffingMethod, Finding, Findings, ModelPair, RunContext, UserError
from diffkit_plugins.kl.config import KLConfig
from diffkit_plugins.kl.measure import DivergenceStatistics, measure_divergences
from diffkit_plugins.kl.report import (
    continuations,
    distribution_series,
    divergence_trace,
    shown_places,
    summary_table,
    token_tables,
    words_in_texts,
)


class KL(DiffingMethod[KLConfig]):
    """Divergences between both sides' next-token distributions on ordinary texts.

    Both sides read the same token ids; distributions are over the tokens that both have,
    renormalized. KL(finetuned‖base) is large where the finetuned model says what the base finds
    implausible, KL(base‖finetuned) where it no longer says what the base does (Kullback and
    Leibler 1951).

    The change score is the mean Jensen-Shannon divergence per token (Lin 1991). It is symmetric and
    at most ln 2, so a single token whose probability is nearly 0 after finetuning cannot dominate
    it, as it can dominate a mean KL divergence.
    """

    identical_note = "Both sides have the same weights, so their predictions are the same."

    def run(self, pair: ModelPair, config: KLConfig, context: RunContext) -> Findings:
        """Compares the sides' predictions.

        Raises:
            UserError: no text has a token to predict, or none of those that are read.
        """
        found = measure_divergences(pair, config, context)
        if not found.tokens:
            hint = "Give texts of two tokens or more."
            raise UserError("No text has a token to predict.", hint=hint)
        return Findings(
            change_score=found.jsd.mean,
            metrics=_metrics(found),
            items=tuple(_items(pair, config, context, found)),
        )


def _metrics(found: DivergenceStatistics) -> dict[str, float]:
    return {
        "kl_finetuned_base_nats": found.kl_pq.mean,
        "kl_base_finetuned_nats": found.kl_qp.mean,
        "jsd_nats": found.jsd.mean,
        "same_likeliest_token_share": found.agreements / found.tokens,
        "tokens": float(found.tokens),
        **found.selected.metrics,
    }


def _items(
    pair: ModelPair, config: KLConfig, context: RunContext, found: DivergenceStatistics
) -> Iterator[Finding]:
    tokenizer, texts = pair.base.tokenizer, context.texts.items
    words = words_in_texts(found, pair, texts, config)
    yield from token_tables(found, tokenizer, config.tokens, words)
    places = shown_places(found, tokenizer, max(config.traces, config.samples))
    traced = places[: config.traces]
    for rank, one in enumerate(context.progress(traced, label="traces", total=len(traced)), 1):
        yield divergence_trace(pair, texts, one, rank, config)
    if config.samples:
        peaks = [one.place for one in places[: config.samples]]
        yield continuations(pair, texts, peaks, config)
    yield summary_table(found)
    yield distribution_series(found)
    yield found.selected.note
