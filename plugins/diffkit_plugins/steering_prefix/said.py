"""Which words tell the texts that are to be explained from those that the reader says itself."""

from collections.abc import Sequence

from diffkit import TokenScore, TokenTable
from diffkit.statistics import log_odds, word_counts
from diffkit_plugins.steering_prefix.completing import Continuation
from diffkit_plugins.steering_prefix.depending import Item
from diffkit_plugins.steering_prefix.wording import Wording


def told(items: Sequence[Item], own: Sequence[Continuation]) -> list[tuple[str, float]]:
    """Words with their log-odds in the reference's texts against the model's own, highest first.

    Args:
        items: the suffixes with their references.
        own: what the model that reads the prefix says without one.
    """
    reference = word_counts(item.reference.continuation.text for item in items)
    scores = log_odds(reference, word_counts(said.text for said in own))
    return sorted(scores.items(), key=lambda row: (-row[1], row[0]))


def word_table(words: Sequence[tuple[str, float]], wording: Wording) -> TokenTable:
    """Those that are above one standard error.

    Args:
        words: what `told` gives.
        wording: whose texts these are.
    """
    return TokenTable(
        title=f"Words that tell what is to be explained: {wording.contrast}, log-odds",
        unit="standard errors",
        rows=tuple(TokenScore(token=word, score=score) for word, score in words if score > 1),
    )
