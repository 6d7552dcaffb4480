"""Clusters of similar texts, ranked by the sum of their texts' scores."""

from collections.abc import Sequence
from dataclasses import dataclass

from diffkit.maths import Cluster, text_clusters


@dataclass(frozen=True)
class ScoredCluster:
    """A cluster of texts and the sum of their scores."""

    cluster: Cluster
    """Its members and medoid are indices of texts."""
    total: float


def indices_by_score(scores: Sequence[float], count: int) -> list[int]:
    """The indices of the largest scores, largest first; of equal scores, the earlier one first."""
    return sorted(range(len(scores)), key=lambda index: -scores[index])[:count]


def cluster_texts(
    texts: Sequence[str], indices: Sequence[int], *, threshold: float = 0.7
) -> tuple[Cluster, ...]:
    """Clusters some of the texts with `diffkit.maths.text_clusters`.

    Memory grows with the square of the number of indices: pass the most important ones alone.

    Args:
        texts: all texts.
        indices: the texts that are clustered, as indices of ``texts``.
        threshold: the mean cosine distance up to which two clusters are merged.

    Returns:
        Clusters whose members and medoid are indices of ``texts``, largest first.
    """
    found = text_clusters([texts[index] for index in indices], threshold=threshold)
    return tuple(
        Cluster(tuple(indices[member] for member in one.members), indices[one.medoid])
        for one in found
    )


def rank_clusters(
    clusters: Sequence[Cluster], scores: Sequence[float]
) -> tuple[ScoredCluster, ...]:
    """Clusters with the sums of their texts' scores, the largest sum first.

    A sum, since a single text may have a large score by chance, but not many similar ones.

    Args:
        clusters: what `cluster_texts` returns.
        scores: the score of each text.
    """
    summed = [
        ScoredCluster(cluster, sum(scores[member] for member in cluster.members))
        for cluster in clusters
    ]
    return tuple(sorted(summed, key=lambda one: (-one.total, one.cluster.members)))
