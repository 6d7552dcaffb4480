"""The method diff-mining."""

from collections.abc import Iterator

import torch

from diffkit import DiffingMethod, Finding, Findings, ModelPair, Note, RunContext, UserError
from diffkit.analysis import top_positive
from diffkit_plugins.diff_mining.config import DiffMiningConfig
from diffkit_plugins.diff_mining.exchanges import ExchangeTest, exchange_test
from diffkit_plugins.diff_mining.measure import TokenStatistics, measure_tokens
from diffkit_plugins.diff_mining.ratios import LogRatioSizes
from diffkit_plugins.diff_mining.report import (
    conclusion,
    fit_topics,
    overview_table,
    raised_table,
    ratio_table,
    raw_order_tables,
    rise_trace,
    risen_words,
    topic_table,
)


class DiffMining(DiffingMethod[DiffMiningConfig]):
    """Tokens that the finetuned side makes likelier, over ordinary texts.

    The tokens with the largest differences of log probability at many positions, and which of them
    rise together, indicate the subject of a finetuning (Diff Mining, 2026, arXiv 2608.26462).

    The change score is the mean absolute log ratio of expected occurrences, weighted by squared
    ratios: how far those tokens moved that carry the change. A change of few tokens scores higher
    than one of the same size that is spread over all; a change twice as large scores twice as high.
    """

    identical_note = "Both sides have the same weights, so no token was pushed up."

    def run(self, pair: ModelPair, config: DiffMiningConfig, context: RunContext) -> Findings:
        """Compares the sides' predictions.

        Raises:
            UserError: no text has a token to predict, or none of those that are read.
        """
        found = measure_tokens(pair, config, context)
        if not found.rise.positions:
            hint = "Give texts of two tokens or more."
            raise UserError("No text has a token to predict.", hint=hint)
        if not found.positive.total.any():
            return _nothing("No token is likelier than before on these texts.")
        tested = exchange_test(found.exchanges, found.plausible)
        metrics = _metrics(found, tested)
        return Findings(
            change_score=metrics["self_weighted_log_ratio_nats"],
            metrics=metrics,
            items=tuple(_items(pair, config, context, found, tested)),
        )


def _nothing(text: str) -> Findings:
    return Findings(change_score=0.0, items=(Note(text=text),))


def _metrics(found: TokenStatistics, tested: ExchangeTest) -> dict[str, float]:
    rise = found.rise.mean
    sizes = LogRatioSizes.of(found.p, found.q)
    return {
        "self_weighted_log_ratio_nats": sizes.self_weighted,
        "mean_absolute_log_ratio_nats": sizes.mean,
        "concentration": sizes.concentration,
        "largest_rise_nats_per_position": float(rise.max()),
        "tokens_beyond_chance": float(tested.beyond.sum()),
        "positions": float(found.rise.positions),
        **found.selected.metrics,
    }


def _items(
    pair: ModelPair,
    config: DiffMiningConfig,
    context: RunContext,
    found: TokenStatistics,
    tested: ExchangeTest,
) -> Iterator[Finding]:
    tokenizer = pair.base.tokenizer
    yield raised_table(found, tested, config.top_k, tokenizer, config.tokens)
    yield ratio_table(found, tokenizer, config.tokens)
    found_topics = fit_topics(
        found.positions.among(found.plausible), pair.vocabulary, config.topics, context.seed
    )
    for place, topic in enumerate(found_topics, 1):
        yield topic_table(topic, place, tokenizer, config.topic_tokens)
    traced = top_positive(torch.where(tested.beyond, found.rise.mean, 0.0), config.traces)
    for token in context.progress(traced, label="traces", total=len(traced)):
        position = found.places.of(token)
        if position is not None:
            yield rise_trace(pair, context.texts.items, token, position, config)
    rises = torch.where(found.plausible, found.rise.mean, 0.0)
    words = risen_words(
        pair, context.texts.items, found, top_positive(rises, config.tokens), config
    )
    yield overview_table(found, tested, tokenizer, words)
    yield from raw_order_tables(found, config.top_k, tokenizer, config.tokens)
    yield conclusion(found, tested, tokenizer)
    yield found.selected.note
