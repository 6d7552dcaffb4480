"""Which words tell the texts that are to be explained from those that the reader says itself."""

from collections.abc import Sequence

from diffkit import TokenScore, TokenTable
from diffkit.statistics import log_odds, word_counts
from diffkit_plugins.steering_prefix.completing import Continuation
from diffkit_plugins.steering_prefix.problem import Item
from diffkit_plugins.steering_prefix.wording import Wording


def word_table(items: Sequence[Item], own: Sequence[Continuation], wording: Wording) -> TokenTable:
    """Words of the reference's texts by their log-odds against the model's own, above one error.

    Args:
        items: the suffixes with their references.
        own: what the model that reads the prefix says without one.
        wording: whose texts these are.
    """
    reference = word_counts(item.reference.continuation.text for item in items)
    scores = log_odds(reference, word_counts(said.text for said in own))
    ranked = sorted(scores.items(), key=lambda row: (-row[1], row[0]))
    return TokenTable(
        title=f"Words that tell what is to be explained: {wording.contrast}, log-odds",
        unit="standard errors",
        rows=tuple(TokenScore(token=word, score=score) for word, score in ranked if score > 1),
    )
