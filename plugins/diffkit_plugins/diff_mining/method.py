"""The method."""

from collections.abc import Iterator

from diffkit import DiffingMethod, Finding, Findings, ModelPair, Note, RunContext, UserError
from diffkit_plugins.diff_mining import statistics
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
    top_positive,
    topic_table,
)


class DiffMining(DiffingMethod[DiffMiningConfig]):
    """Tokens that the finetuned side pushes up, over ordinary texts.

    At each position the tokens with the largest differences of log probability count as pushed up;
    which tokens those are over many texts, and which of them go together, names the subject of a
    finetuning (Diff Mining, 2026, arXiv 2608.26462).

    The change score is the inverse participation ratio of the log ratios of expected occurrences:
    one over the share of the vocabulary that the change is spread over. It tells a change that
    sits in few tokens from one that moves all a little, and says nothing of a change's size.
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
        floor = statistics.permutation_floor(found.exchanges, found.rise.positions)
        metrics = _metrics(found, floor)
        return Findings(
            change_score=metrics["concentration"],
            metrics=metrics,
            items=tuple(_items(pair, config, context, found, floor)),
        )


def _nothing(text: str) -> Findings:
    return Findings(change_score=0.0, items=(Note(text=text),))


def _metrics(found: TokenStatistics, floor: statistics.PermutationFloor) -> dict[str, float]:
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
    floor: statistics.PermutationFloor,
) -> Iterator[Finding]:
    tokenizer = pair.base.tokenizer
    yield raised_table(found, floor, config.top_k, tokenizer, config.tokens)
    yield ratio_table(found, tokenizer, config.tokens)
    sorted_out = fit_topics(found.positions, pair.vocabulary, config.topics, context.seed)
    for place, topic in enumerate(sorted_out, 1):
        yield topic_table(topic, place, tokenizer, config.topic_tokens)
    best = top_positive(found.rise.mean, config.tokens)
    traced = best[: config.traces]
    for token in context.progress(traced, label="traces", total=len(traced)):
        place_of = found.places.of(token)
        if place_of is not None:
            yield rise_trace(pair, context.texts.items, token, place_of, config)
    yield overview_table(found, floor, tokenizer, best)
    yield from raw_order_tables(found, config.top_k, tokenizer, config.tokens)
