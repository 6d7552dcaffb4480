"""Which words are in the texts with large scores, compared with texts drawn at random."""

import math
import re
from collections.abc import Collection, Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
"""A word with its apostrophes."""


@dataclass(frozen=True)
class ScoreExcess:
    """How much larger the scores of some texts are than the scores of all."""

    total: float
    """The sum over these texts of their score less the mean score, in the scores' unit."""
    chance: float
    """The standard deviation of this sum over as many texts drawn without replacement; 0 where the
    sum has one possible value."""

    @property
    def standardised(self) -> float:
        """The sum in standard deviations; 0 where there is no deviation. It has no unit."""
        return self.total / self.chance if self.chance > 0 else 0.0


@dataclass(frozen=True)
class WordExcess:
    """A word in lower case, and the excess of the scores of the texts that contain it."""

    word: str
    excess: ScoreExcess
    groups: int
    """The number of different groups that these texts belong to."""


def score_excess(scores: Float[np.ndarray, " texts"], members: Collection[int]) -> ScoreExcess:
    """The excess of the scores of some texts.

    Args:
        scores: the score of each text.
        members: the indices of some texts, each once.
    """
    size, count = len(scores), len(members)
    if count == size:
        return ScoreExcess(0.0, 0.0)
    total = float((scores[list(members)] - scores.mean()).sum())
    variance = count * float(scores.var()) * (size - count) / (size - 1)
    return ScoreExcess(total, math.sqrt(variance))


def words_by_excess(
    texts: Sequence[str],
    scores: Float[np.ndarray, " texts"],
    groups: Sequence[Hashable] | None = None,
) -> tuple[WordExcess, ...]:
    """All words of the texts, the largest total excess first.

    A word that is in every text has no excess, so ordinary words are at the end.

    Args:
        texts: the texts.
        scores: the score of each text.
        groups: the group of each text, such as the prompt that it answers; by default each text is
            a group.
    """
    holders: dict[str, list[int]] = {}
    for index, text in enumerate(texts):
        for word in dict.fromkeys(WORD.findall(text.casefold())):
            holders.setdefault(word, []).append(index)
    found = (
        WordExcess(word, score_excess(scores, members), _groups(members, groups))
        for word, members in holders.items()
    )
    return tuple(sorted(found, key=lambda one: (-one.excess.total, one.word)))


def _groups(members: Sequence[int], groups: Sequence[Hashable] | None) -> int:
    return len(members) if groups is None else len({groups[member] for member in members})


def word_concentration(words: Sequence[WordExcess], least: int) -> float:
    """The largest standardised excess of a word; 0 where no word has a positive one.

    It has no unit: it does not grow with the size of a change, but with how many texts say the
    same.

    Args:
        words: what `words_by_excess` returns.
        least: the smallest number of groups; a word of fewer may be in a text with a large score by
            chance, and does not count.
    """
    scores = (word.excess.standardised for word in words if word.groups >= least)
    return max((0.0, *scores))
