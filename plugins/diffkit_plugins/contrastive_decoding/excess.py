"""Which words, and which groups of texts, carry the tilt."""

import math
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from diffkit_plugins.contrastive_decoding.writing import Written

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")


@dataclass(frozen=True)
class Excess:
    """How much more tilted some of the texts are than texts are on average."""

    total: float
    """Sum over them of the tilt less the mean tilt of all, nats per token."""
    chance: float
    """Standard deviation of the same sum over as many texts drawn at random, without replacement;
    0 where it could not come out otherwise."""
    openings: int
    """How many openings they come from."""

    @property
    def standardised(self) -> float:
        """The total in standard deviations of chance; it has no unit."""
        return self.total / self.chance if self.chance > 0 else 0.0


@dataclass(frozen=True)
class Word:
    """A word, casefolded, and the excess tilt of the texts that say it."""

    word: str
    excess: Excess


def excess(members: Collection[int], texts: Sequence[Written]) -> Excess:
    """The excess tilt of the texts in places ``members``, which are distinct."""
    tilts = np.array([text.tilt for text in texts])
    openings = len({texts[place].plan.opening.ids for place in members})
    size, count = len(texts), len(members)
    if count == size:
        return Excess(0.0, 0.0, openings)
    total = float((tilts[list(members)] - tilts.mean()).sum())
    variance = count * float(tilts.var()) * (size - count) / (size - 1)
    return Excess(total, math.sqrt(variance), openings)


def words(texts: Sequence[Written]) -> tuple[Word, ...]:
    """All words of the texts, those with the largest total first.

    What is said everywhere has no excess, whatever it is, so ordinary words drop out.
    """
    places: dict[str, list[int]] = {}
    for place, text in enumerate(texts):
        for word in dict.fromkeys(_WORD.findall(text.text.casefold())):
            places.setdefault(word, []).append(place)
    found = (Word(word, excess(where, texts)) for word, where in places.items())
    return tuple(sorted(found, key=lambda word: (-word.excess.total, word.word)))


def concentration(found: Sequence[Word], min_openings: int) -> float:
    """The largest standardised excess of a word that comes up in several openings; 0 if none does.

    Args:
        found: all words.
        min_openings: in how many openings at least.
    """
    scores = (w.excess.standardised for w in found if w.excess.openings >= min_openings)
    return max((0.0, *scores))
