"""Groups short texts that say much the same."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray


@dataclass(frozen=True)
class Cluster:
    """Texts that are alike, by their places in the list that was clustered."""

    members: tuple[int, ...]
    """Their places, ascending."""
    medoid: int
    """The place of the most typical: the least mean distance to the others, the first of equals."""

    def __len__(self) -> int:
        return len(self.members)


def text_clusters(texts: Sequence[str], *, threshold: float = 0.7) -> tuple[Cluster, ...]:
    """Clusters short texts by the pieces of words that they share.

    Their `text_distances` are clustered by average linkage (Sokal and Michener 1958). Blank texts
    are a cluster of their own. Memory grows with the square of their number.

    Args:
        texts: any texts, equal and empty ones too.
        threshold: the mean cosine distance up to which two clusters become one: 0 joins equal
            texts only, and below 1 nothing is joined that shares no piece.

    Returns:
        The clusters, largest first, of equals the one with the earliest member.
    """
    if not texts:
        return ()
    distances = text_distances(texts)
    labels = _labels(distances, threshold)
    groups = [np.flatnonzero(labels == label) for label in np.unique(labels)]
    groups.sort(key=lambda members: (-len(members), members[0]))
    return tuple(_cluster(members, distances) for members in groups)


def text_distances(texts: Sequence[str]) -> Float[np.ndarray, "texts texts"]:
    """Cosine distances of short texts, from 0 (equal) to 1 (no piece of a word in common).

    Texts are TF-IDF vectors of three to five characters within words, so that word forms, words cut
    at their ends and scripts without spaces are compared too; case is ignored. Rare pieces weigh
    more, rare among these texts. Blank texts have no pieces: they are equal to each other alone.

    Args:
        texts: any texts, equal and empty ones too.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.metrics.pairwise import cosine_distances

    blank = np.array([not text.strip() for text in texts])
    distances = np.ones((len(texts), len(texts)))
    distances[np.ix_(blank, blank)] = 0.0
    worded: list[int] = np.flatnonzero(~blank).tolist()
    if worded:
        # A word of one letter is three characters with the spaces that char_wb sets around it.
        vectorizer = TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5))
        vectors = vectorizer.fit_transform([texts[place] for place in worded])
        # Rounding differs between equal texts by where they stand; distances need not.
        distances[np.ix_(worded, worded)] = cosine_distances(vectors).round(9)
    return distances


def _labels(distances: Float[np.ndarray, "texts texts"], threshold: float) -> NDArray[np.int64]:
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform

    if len(distances) == 1:
        return np.ones(1, dtype=np.int64)
    tree = linkage(squareform(distances, checks=False), method="average")
    labels: NDArray[np.int64] = fcluster(tree, threshold, criterion="distance").astype(np.int64)
    return labels


def _cluster(members: NDArray[np.int64], distances: Float[np.ndarray, "texts texts"]) -> Cluster:
    mean = distances[np.ix_(members, members)].mean(axis=1).round(9)
    return Cluster(tuple(members.tolist()), int(members[mean.argmin()]))
