"""What grades share: the lineups of a base, and the scale that a method's null claims set."""

import sys
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float

from diffkit import Statement
from diffkit_evaluators.lineup.draw import Lineups, draw
from diffkit_evaluators.lineup.matching import (
    Candidates,
    Rarity,
    Vector,
    claim_vector,
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
    texts: Candidates
    """The statements' words."""
    examples: Candidates | None
    """Words of the examples that taught them; none where any statement has no example."""
    rarity: Rarity
    lineups: tuple[Lineups, ...]
    """One set for each statement, had it been the truth."""

    def heard(self, claims: tuple[str, ...], words: int) -> list[Vector]:
        """The first ``words`` words of each claim, weighed."""
        return [claim_vector(first_words([claim], words), self.rarity) for claim in claims]


@lru_cache(maxsize=8)
def setting(statements: tuple[Statement, ...], reference: tuple[str, ...]) -> Setting:
    """The lineups of ``statements``; words are weighed by ``reference``."""
    ordered = sorted(statements, key=lambda statement: statement.handle)
    handles = tuple(statement.handle for statement in ordered)
    rarity = rarity_in(reference)
    vectors = tuple(statement_vector(statement.text, rarity) for statement in ordered)
    texts = Candidates(vectors)
    likeness = texts.cosines(vectors)
    taught = [statement_vector(statement.examples, rarity) for statement in ordered]
    examples = Candidates(taught) if all(one.examples for one in ordered) else None
    lineups = tuple(draw(truth, handles, likeness[truth]) for truth in range(len(handles)))
    return Setting(handles, texts, examples, rarity, lineups)


@dataclass(frozen=True)
class Scores:
    """What each statement scores; higher is more alike."""

    texts: tuple[float, ...]
    """By its text."""
    examples: tuple[float, ...] = ()
    """By the examples that taught it; empty where there are none."""


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
    examples_nulls: Float[np.ndarray, "nulls texts"] | None
    """Cosines of the null claims to the statements' examples."""
    thresholds: tuple[Thresholds, ...]
    """One set for each statement, had it been the truth."""

    def scores(self, claim: str, words: int) -> Scores:
        """Score of each statement by its likeness to ``claim``; higher is more alike."""
        heard = self.setting.heard((claim,), words)
        texts = standardised(self.setting.texts.cosines(heard)[0], self.nulls)
        if self.setting.examples is None or self.examples_nulls is None:
            return Scores(tuple(texts.tolist()))
        cosine = self.setting.examples.cosines(heard)[0]
        examples = standardised(cosine, self.examples_nulls)
        return Scores(tuple(texts.tolist()), tuple(examples.tolist()))


@lru_cache(maxsize=128)  # grades of many methods, each with its own nulls, come in turn
def scale(setting: Setting, null_claims: tuple[str, ...], words: int) -> Scale:
    """The scale that ``null_claims`` set in ``setting``."""
    heard = setting.heard(null_claims, words)
    nulls = setting.texts.cosines(heard)
    examples = setting.examples.cosines(heard) if setting.examples else None
    scores = standardised_nulls(nulls) if len(nulls) > 1 else nulls[:0]
    thresholds = (
        Thresholds(
            tuple(_threshold(scores, (truth, *others)) for others in lineups.present),
            _threshold(scores, lineups.absent),
        )
        for truth, lineups in enumerate(setting.lineups)
    )
    return Scale(setting, nulls, examples, tuple(thresholds))


def _threshold(scores: np.ndarray, lineup: tuple[int, ...]) -> float:
    if not len(scores) or not lineup:
        return BELOW_TEXTS
    return threshold(scores[:, lineup].max(axis=1))
