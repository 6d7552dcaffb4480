"""Which words carry the log-likelihood ratio."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from diffkit import TokenScore, TokenTable
from diffkit_plugins.soft_prompt_kl.ranking import NAMES, Said, Speaker

WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
"""A word, with its apostrophes."""


@dataclass(frozen=True)
class Word:
    """A word, casefolded, and what it brings to a completion's log-likelihood ratio."""

    word: str
    mean: float
    """Over all completions, nats; one that does not say it brings 0."""
    error: float
    """Its standard error, completions taken as independent."""
    holders: int
    """How many completions say it."""

    @property
    def low(self) -> float:
        """One standard error below the mean; 0 where one completion alone says it."""
        return self.mean - self.error if self.holders > 1 else 0.0


def words(said: Sequence[Said], tokenizer: Any) -> tuple[Word, ...]:
    """All words of two or more completions, those that surely bring most first.

    Args:
        said: completions with their ratios.
        tokenizer: a transformers tokenizer.
    """
    sums: dict[str, list[float]] = {}
    for one in said:
        for word, ratio in of_words(one, tokenizer).items():
            sums.setdefault(word, []).append(ratio)
    found = [_word(word, values, len(said)) for word, values in sums.items()]
    return tuple(sorted(found, key=lambda word: (-word.low, -word.mean, word.word)))


def of_words(said: Said, tokenizer: Any) -> dict[str, float]:
    """The ratio of each word of a completion, summed over its tokens and over where it is said.

    A token belongs to the first word that it holds a piece of; punctuation belongs to none.
    """
    ids = said.passage.ids[said.passage.start :]
    ends = [len(tokenizer.decode(ids[: place + 1])) for place in range(len(ids))]
    places = [(m.start(), m.end(), m[0].casefold()) for m in WORD.finditer(tokenizer.decode(ids))]
    found: dict[str, float] = {}
    start = 0
    for end, ratio in zip(ends, said.ratios.tolist(), strict=True):
        word = next((word for first, last, word in places if first < end and start < last), None)
        if word is not None:
            found[word] = found.get(word, 0.0) + ratio
        start = end
    return found


def _word(word: str, values: Sequence[float], count: int) -> Word:
    mean = sum(values) / count
    variance = max(sum(value * value for value in values) / count - mean * mean, 0.0)
    return Word(word, mean, math.sqrt(variance / max(count - 1, 1)), len(values))


def word_table(
    found: Sequence[Word], count: int, *, prompted: bool = True, speaker: Speaker = "finetuned"
) -> TokenTable:
    """The words that surely bring something, of what one side said."""
    side, other = NAMES[speaker]
    where = "under the prompt" if prompted else "without any prompt"
    rows = [
        TokenScore(token=word.word, score=word.mean, spread=word.error)
        for word in found[:count]
        if word.low > 0
    ]
    return TokenTable(
        title=f"Words that the {side} says {where} and, where there is none, finds likelier than "
        f"the {other} does",
        unit="nats per completion",
        rows=tuple(rows),
    )
