"""Similarity of claims to statements: cosine of weighted words."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice

import numpy as np
from jaxtyping import Float
from sklearn.feature_extraction import DictVectorizer
from sklearn.preprocessing import normalize

from diffkit.statistics import content_words

WordVector = Mapping[str, float]
"""Word → weight."""


@dataclass(frozen=True)
class WordRarity:
    """The rarity of words in ordinary texts."""

    counts: Mapping[str, int]
    """Word → number of texts that contain it."""
    texts: int
    """Number of texts."""

    def __call__(self, word: str) -> float:
        """Smoothed inverse document frequency, ln((1 + texts) / (1 + count)) + 1.

        A word in no text has the largest weight; without texts, all words have the weight 1.
        """
        return math.log((1 + self.texts) / (1 + self.counts.get(word, 0))) + 1


@lru_cache(maxsize=8)  # a reference is long, and all grades on a base share it
def word_rarity(reference: tuple[str, ...]) -> WordRarity:
    """The rarity of words in ``reference``."""
    counts = Counter(word for text in reference for word in set(content_words(text)))
    return WordRarity(counts, len(reference))


def first_words(texts: Iterable[str], limit: int) -> tuple[str, ...]:
    """The first ``limit`` distinct content words of ``texts``."""
    distinct = dict.fromkeys(word for text in texts for word in content_words(text))
    return tuple(islice(distinct, limit))


def claim_vector(words: Sequence[str], rarity: WordRarity) -> WordVector:
    """Weights of distinct words, in the order of the claim.

    The weight by rank is 1 / log2(1 + rank), as in discounted cumulative gain (Järvelin and
    Kekäläinen 2002).
    """
    return {word: rarity(word) / math.log2(1 + rank) for rank, word in enumerate(words, 1)}


def statement_vector(text: str, rarity: WordRarity) -> WordVector:
    """The tf-idf weights of a statement's words, with 1 + ln(count) for tf."""
    counts = Counter(content_words(text))
    return {word: rarity(word) * (1 + math.log(count)) for word, count in counts.items()}


class StatementVectors:
    """Vectors of statements, prepared once to be compared with thousands of claims."""

    def __init__(self, vectors: Sequence[WordVector]) -> None:
        self._count = len(vectors)
        self._known = DictVectorizer()
        self._rows = normalize(self._known.fit_transform(vectors)) if any(vectors) else None

    def cosines(self, claims: Sequence[WordVector]) -> Float[np.ndarray, "claims statements"]:
        """Cosine of each claim and each statement; 0 if either has no words."""
        if self._rows is None or not claims:
            return np.zeros((len(claims), self._count))
        dots = (self._known.transform(claims) @ self._rows.T).toarray()
        norms = [math.hypot(*claim.values()) or 1.0 for claim in claims]
        return np.asarray(dots / np.array(norms)[:, None])
