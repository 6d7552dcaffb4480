"""Which words, and which groups of texts, carry the tilt."""

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from diffkit_plugins.contrastive_decoding.writing import Written

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")


@dataclass(frozen=True)
class Excess:
    """How much more tilted some of the texts are than texts are on average."""

    total: float
    """Sum over them of the tilt less the mean tilt of all, nats per token."""
    error: float
    """Its standard error, the texts of one opening taken as one observation, since they are alike
    (Liang and Zeger 1986): the root of the summed squares of the openings' parts."""

    @property
    def standardised(self) -> float:
        """The total in standard errors.

        1 where one opening is all of it; at most the root of the number of openings, where each
        adds the same.
        """
        return self.total / self.error if self.error > 0 else 0.0


@dataclass(frozen=True)
class Word:
    """A word, casefolded, and the excess tilt of the texts that say it."""

    word: str
    excess: Excess


def excess(members: Iterable[int], texts: Sequence[Written]) -> Excess:
    """The excess tilt of the texts in places ``members``."""
    mean = math.fsum(text.tilt for text in texts) / len(texts)
    parts: dict[tuple[int, ...], float] = defaultdict(float)
    for place in members:
        parts[texts[place].plan.opening.ids] += texts[place].tilt - mean
    error = math.sqrt(math.fsum(part**2 for part in parts.values()))
    return Excess(math.fsum(parts.values()), error)


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
