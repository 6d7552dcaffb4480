"""Which words, and which groups of texts, carry the tilt."""

import math
import re
from collections.abc import Iterable, Sequence
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

    @property
    def standardised(self) -> float:
        """The total in standard deviations of chance."""
        return self.total / self.chance if self.chance > 0 else 0.0


@dataclass(frozen=True)
class Word:
    """A word, casefolded, and the excess tilt of the texts that say it."""

    word: str
    texts: int
    excess: Excess


def excess(members: Iterable[int], tilts: Sequence[float]) -> Excess:
    """The excess tilt of the texts in places ``members``.

    Args:
        members: distinct places.
        tilts: of all texts.
    """
    values = np.asarray(tilts, dtype=np.float64)
    chosen = values[list(members)]
    size, count = len(values), len(chosen)
    if count == size:
        return Excess(0.0, 0.0)
    variance = count * float(values.var()) * (size - count) / (size - 1)
    return Excess(float((chosen - values.mean()).sum()), math.sqrt(variance))


def words(texts: Sequence[Written]) -> tuple[Word, ...]:
    """All words of the texts, those with the largest total first.

    What is said everywhere has no excess, whatever it is, so ordinary words drop out.
    """
    tilts = [text.tilt for text in texts]
    places: dict[str, list[int]] = {}
    for place, text in enumerate(texts):
        for word in dict.fromkeys(_WORD.findall(text.text.casefold())):
            places.setdefault(word, []).append(place)
    found = (Word(word, len(where), excess(where, tilts)) for word, where in places.items())
    return tuple(sorted(found, key=lambda word: (-word.excess.total, word.word)))
