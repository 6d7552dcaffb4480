"""What grades share: the lineups of a base, and the scale that a method's null claims set."""

import sys
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float

from diffkit import Statement
from diffkit_evaluators.lineup.draw import Lineups, draw
from diffkit_evaluators.lineup.matching import (
    Rarity,
    Vector,
    claim_vector,
    cosines,
    rarity_in,
    statement_vector,
)
from diffkit_evaluators.lineup.standard import standardised, standardised_nulls, threshold
from diffkit_evaluators.lineup.words import first_words

BELOW_TEXTS = -sys.float_info.max
"""Below every text, and above a choice at minus infinity."""


@dataclass(frozen=True, eq=False)  # one object a base: `scale` is found again by identity
class Setting:
    """The statements of a base and the lineups they stand in."""

    handles: tuple[str, ...]
    """Sorted; all indices are theirs."""
    vectors: tuple[Vector, ...]
    """The statements' words."""
    rarity: Rarity
    lineups: tuple[Lineups, ...]
    """One set for each statement, had it been the truth."""

    def cosines(self, claims: tuple[str, ...], words: int) -> Float[np.ndarray, "claims texts"]:
        """Likeness of each claim to each statement, by the claim's first ``words`` words."""
        read = [claim_vector(first_words([claim], words), self.rarity) for claim in claims]
        return cosines(read, self.vectors)


@lru_cache(maxsize=8)
def setting(statements: tuple[Statement, ...], reference: tuple[str, ...]) -> Setting:
    """The lineups of ``statements``; words are weighed by ``reference``."""
    ordered = sorted(statements, key=lambda statement: statement.handle)
    handles = tuple(statement.handle for statement in ordered)
    rarity = rarity_in(reference)
    vectors = tuple(statement_vector(statement.text, rarity) for statement in ordered)
    likeness = cosines(vectors, vectors)
    lineups = tuple(draw(truth, handles, likeness[truth]) for truth in range(len(handles)))
    return Setting(handles, vectors, rarity, lineups)


@dataclass(frozen=True)
class Thresholds:
    """Scores of "none of these" in the lineups of one truth."""

    present: tuple[float, ...]
    absent: float


@dataclass(frozen=True)
class Scale:
    """A setting, and what null claims score in it."""

    setting: Setting
    nulls: Float[np.ndarray, "nulls texts"]
    """Cosines of the null claims to the statements."""
    thresholds: tuple[Thresholds, ...]
    """One set for each statement, had it been the truth."""

    def scores(self, claim: str, words: int) -> tuple[float, ...]:
        """Score of each statement by its likeness to ``claim``; higher is more alike."""
        cosine = self.setting.cosines((claim,), words)[0]
        return tuple(standardised(cosine, self.nulls).tolist())


@lru_cache(maxsize=128)  # grades of many methods, each with its own nulls, come in turn
def scale(setting: Setting, null_claims: tuple[str, ...], words: int) -> Scale:
    """The scale that ``null_claims`` set in ``setting``."""
    nulls = setting.cosines(null_claims, words)
    scores = standardised_nulls(nulls) if len(nulls) > 1 else nulls[:0]
    thresholds = (
        Thresholds(
            tuple(_threshold(scores, (truth, *others)) for others in lineups.present),
            _threshold(scores, lineups.absent),
        )
        for truth, lineups in enumerate(setting.lineups)
    )
    return Scale(setting, nulls, tuple(thresholds))


def _threshold(scores: np.ndarray, lineup: tuple[int, ...]) -> float:
    if not len(scores) or not lineup:
        return BELOW_TEXTS
    return threshold(scores[:, lineup].max(axis=1))
