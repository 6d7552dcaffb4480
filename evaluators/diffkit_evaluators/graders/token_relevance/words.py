"""The words that are relevant to a statement, without a language model."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from diffkit import Statement
from diffkit.statistics import content_words, log_odds, word_counts


@dataclass(frozen=True)
class Relevant:
    """The words that are relevant to a statement."""

    said: frozenset[str]
    """Its own content words."""
    apart: tuple[str, ...]
    """Words that set apart what taught it, the most telling first."""

    def __contains__(self, token: str) -> bool:
        return token in self.said or token in self.apart


@lru_cache(maxsize=8)  # the same for all grades on a base
def relevant_words(
    statements: tuple[Statement, ...], reference: tuple[str, ...], count: int
) -> Mapping[str, Relevant]:
    """What is relevant to each statement, by its handle.

    Args:
        statements: the truths on a base, with examples of what taught them.
        reference: ordinary texts on the base.
        count: how many words of the examples, at most: those with the largest log-odds against
            ordinary texts.
    """
    ordinary = word_counts(reference)
    return {
        one.handle: Relevant(
            frozenset(content_words(one.text)), _apart(one.examples, ordinary, count)
        )
        for one in statements
    }


def _apart(examples: str, ordinary: Mapping[str, int], count: int) -> tuple[str, ...]:
    scores = log_odds(word_counts([examples]), ordinary)
    ranked = sorted((-score, word) for word, score in scores.items() if score > 0)
    return tuple(word for _, word in ranked[:count])
