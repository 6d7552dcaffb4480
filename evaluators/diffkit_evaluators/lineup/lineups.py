"""Lineups: which truths are compared with a claim together."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float

from diffkit import TruthStatement
from diffkit_evaluators.lineup.similarity import (
    StatementVectors,
    WordRarity,
    WordVector,
    claim_vector,
    first_words,
    statement_vector,
    word_rarity,
)

LINEUP_SIZE = 8
"""Number of texts in a lineup, if there are as many truths."""

SIBLINGS = 2
"""Number of them that are the most similar to the truth."""

LINEUPS_WITH_TRUTH = 3
"""Number of lineups that contain the truth."""


@dataclass(frozen=True)
class TruthLineups:
    """The lineups of one truth, as indices of statements."""

    present: tuple[tuple[int, ...], ...]
    """The other statements of each lineup with the truth."""
    absent: tuple[int, ...]
    """The statements of the lineup without it."""


def sample_lineups(
    truth: int, handles: Sequence[str], similarity: Float[np.ndarray, " statements"]
) -> TruthLineups:
    """The lineups of a truth: its most similar statements, and others drawn by handles alone.

    Args:
        truth: index of the truth.
        handles: of all statements, sorted.
        similarity: of all statements to the truth.
    """
    others = [index for index in range(len(handles)) if index != truth]
    others.sort(key=lambda index: -float(similarity[index].round(9)))
    near, far = others[:SIBLINGS], sorted(others[SIBLINGS:])
    seed = " ".join((handles[truth], *handles))
    rng = random.Random(seed)  # noqa: S311 - a reproducible draw

    def some(count: int) -> tuple[int, ...]:
        rng.shuffle(far)
        return (*near, *far)[:count]

    size = min(LINEUP_SIZE, len(handles))
    present = tuple(some(size - 1) for _ in range(LINEUPS_WITH_TRUTH))
    return TruthLineups(present, some(size))


@dataclass(frozen=True, eq=False)  # hashed by identity: one object for a base
class LineupSet:
    """The statements of a base, and the lineups of each."""

    handles: tuple[str, ...]
    """Handles of the statements, sorted; all indices refer to this order."""
    texts: StatementVectors
    """Words of the statements."""
    examples: StatementVectors | None
    """Words of their training examples; none if any statement has no example."""
    rarity: WordRarity
    lineups: tuple[TruthLineups, ...]
    """For each statement, as if it were the truth."""

    def claim_vectors(self, claims: tuple[str, ...], words: int) -> list[WordVector]:
        """Weights of the first ``words`` words of each claim."""
        return [claim_vector(first_words([claim], words), self.rarity) for claim in claims]


@lru_cache(maxsize=8)
def build_lineup_set(
    statements: tuple[TruthStatement, ...], reference: tuple[str, ...]
) -> LineupSet:
    """The lineups of ``statements``; word weights come from ``reference``."""
    ordered = sorted(statements, key=lambda statement: statement.handle)
    handles = tuple(statement.handle for statement in ordered)
    rarity = word_rarity(reference)
    vectors = tuple(statement_vector(statement.text, rarity) for statement in ordered)
    texts = StatementVectors(vectors)
    similarity = texts.cosines(vectors)
    trained = [statement_vector(statement.examples, rarity) for statement in ordered]
    examples = StatementVectors(trained) if all(one.examples for one in ordered) else None
    lineups = tuple(
        sample_lineups(truth, handles, similarity[truth]) for truth in range(len(handles))
    )
    return LineupSet(handles, texts, examples, rarity, lineups)
