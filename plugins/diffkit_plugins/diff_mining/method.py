"""The method diff-mining."""

from collections.abc import Iterator

from diffkit import DiffingMethod, Finding, Findings, ModelPair, Note, RunContext, UserError
from diffkit.analysis import top_positive
from diffkit_plugins.diff_mining.config import DiffMiningConfig
from diffkit_plugins.diff_mining.measure import (
    TokenStatistics,
    concentration,
    log_ratios,
    mean_absolute,
    measure_tokens,
)
from diffkit_plugins.diff_mining.report import (
    fit_topics,
    overview_table,
    raised_table,
    ratio_table,
    raw_order_tables,
    rise_trace,
    topic_table,
)
from diffkit_plugins.diff_mining.statistics import PermutationFloor, permutation_floor


class DiffMining(DiffingMethod[DiffMiningConfig]):
    """Tokens that the finetuned side makes likelier, over ordinary texts.

    The tokens with the largest differences of log probability at many positions, and which of them
    rise together, indicate the subject of a finetuning (Diff Mining, 2026, arXiv 2608.26462).

    The change score is the inverse participation ratio of the log ratios of expected occurrences:
    one over the share of the vocabulary that the change is spread over. It is large for a change of
    few tokens and small for one that changes all tokens a little, regardless of its size.
    """

    identical_note = "Both sides have the same weights, so no token was pushed up."

    def run(self, pair: ModelPair, config: DiffMiningConfig, context: RunContext) -> Findings:
        """Compares the sides' predictions.

        Raises:
            UserError: no text has a token.
        """
        found = measure_tokens(pair, config, context)
        if not found.rise.positions:
            raise UserError("No text has a token.", hint="Give texts with words in them.")
        if not found.positive.total.any():
            return _nothing("No token is likelier than before on these texts.")
        floor = permutation_floor(found.exchanges, found.rise.positions)
        metrics = _metrics(found, floor)
        return Findings(
            change_score=metrics["concentration"],
            metrics=metrics,
            items=tuple(_items(pair, config, context, found, floor)),
        )


def _nothing(text: str) -> Findings:
    return Findings(change_score=0.0, items=(Note(text=text),))


def _metrics(found: TokenStatistics, floor: PermutationFloor) -> dict[str, float]:
    rise = found.rise.mean
    moved = log_ratios(found.p, found.q)
    return {
        "concentration": concentration(moved),
        "mean_absolute_log_ratio_nats": mean_absolute(moved),
        "largest_rise_nats_per_position": float(rise.max()),
        "floor_nats_per_position": floor.height,
        "tokens_above_floor": float((rise > floor.height).sum()),
        "positions": float(found.rise.positions),
    }


def _items(
    pair: ModelPair,
    config: DiffMiningConfig,
    context: RunContext,
    found: TokenStatistics,
    floor: PermutationFloor,
) -> Iterator[Finding]:
    tokenizer = pair.base.tokenizer
    yield raised_table(found, floor, config.top_k, tokenizer, config.tokens)
    yield ratio_table(found, tokenizer, config.tokens)
    found_topics = fit_topics(found.positions, pair.vocabulary, config.topics, context.seed)
    for place, topic in enumerate(found_topics, 1):
        yield topic_table(topic, place, tokenizer, config.topic_tokens)
    best = top_positive(found.rise.mean, config.tokens)
    traced = best[: config.traces]
    for token in context.progress(traced, label="traces", total=len(traced)):
        position = found.places.of(token)
        if position is not None:
            yield rise_trace(pair, context.texts.items, token, position, config)
    yield overview_table(found, floor, tokenizer, best)
    yield from raw_order_tables(found, config.top_k, tokenizer, config.tokens)
