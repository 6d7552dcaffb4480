"""The method."""

from collections.abc import Iterator

from diffkit import DiffingMethod, Finding, Findings, ModelPair, Note, RunContext, UserError
from diffkit_plugins.diff_mining import exchange
from diffkit_plugins.diff_mining.config import DiffMiningConfig
from diffkit_plugins.diff_mining.ratios import concentration, log_ratios, mean_absolute
from diffkit_plugins.diff_mining.scan import Scan, scan
from diffkit_plugins.diff_mining.tables import (
    leading,
    overview,
    ratios,
    raw_orders,
    rises,
    topic_table,
)
from diffkit_plugins.diff_mining.topics import topics
from diffkit_plugins.diff_mining.traces import trace


class DiffMining(DiffingMethod[DiffMiningConfig]):
    """Tokens that the finetuned side pushes up, over ordinary texts.

    At each position the tokens with the largest differences of log probability count as pushed up;
    which tokens those are over many texts, and which of them go together, names the subject of a
    finetuning (Diff Mining, 2026, arXiv 2608.26462).

    The change score is the inverse participation ratio of the log ratios of expected occurrences:
    one over the share of the vocabulary that the change is spread over. It tells a change that
    sits in few tokens from one that moves all a little, and says nothing of a change's size.
    """

    def run(self, pair: ModelPair, config: DiffMiningConfig, context: RunContext) -> Findings:
        """Compares the sides' predictions.

        Raises:
            UserError: no text has a token.
        """
        if pair.identical:
            return _nothing("Both sides have the same weights, so no token was pushed up.")
        found = scan(pair, config, context)
        if not found.rise.positions:
            raise UserError("No text has a token.", cure="Give texts with words in them.")
        if not found.positive.total.any():
            return _nothing("No token is likelier than before on these texts.")
        floor = exchange.floor(found.exchanges, found.rise.positions)
        metrics = _metrics(found, floor)
        return Findings(
            change_score=metrics["concentration"],
            metrics=metrics,
            items=tuple(_items(pair, config, context, found, floor)),
        )


def _nothing(text: str) -> Findings:
    return Findings(change_score=0.0, items=(Note(text=text),))


def _metrics(found: Scan, floor: exchange.Floor) -> dict[str, float]:
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
    found: Scan,
    floor: exchange.Floor,
) -> Iterator[Finding]:
    tokenizer = pair.base.tokenizer
    yield rises(found, floor, config.top_k, tokenizer, config.tokens)
    yield ratios(found, tokenizer, config.tokens)
    sorted_out = topics(found.positions, pair.vocabulary, config.topics, context.seed)
    for place, topic in enumerate(sorted_out, 1):
        yield topic_table(topic, place, tokenizer, config.topic_tokens)
    best = leading(found.rise.mean, config.tokens)
    traced = best[: config.traces]
    for token in context.progress(traced, label="traces", total=len(traced)):
        place_of = found.places.of(token)
        if place_of is not None:
            yield trace(pair, context.texts.items, token, place_of, config)
    yield overview(found, floor, tokenizer, best)
    yield from raw_orders(found, config.top_k, tokenizer, config.tokens)
