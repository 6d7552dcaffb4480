"""Spans that say much the same, told by how much of the change they carry together."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from diffkit import ModelPair, Sample, Samples, Table
from diffkit.maths import text_clusters, text_distances
from diffkit_plugins.perplexity_diff.survey import Scored, Survey, words


@dataclass(frozen=True)
class Group:
    """A cluster of the finetuned side's spans."""

    members: tuple[int, ...]
    """Places of their samples in the survey."""
    typical: int
    """The place of the most typical."""
    score: float
    """The sum of the spans' scores, in nats."""


def groups(pair: ModelPair, found: Survey, count: int) -> tuple[Group, ...]:
    """Clusters of the most tilted spans, the one with the largest sum first.

    A sum, because one odd sample may be tilted as far by chance as any, but not many alike.

    Args:
        pair: both sides.
        found: the survey.
        count: how many spans are clustered.
    """
    scores = [scored.span.score for scored in found.finetuned]
    best = _most_tilted(scores, count)
    clusters = text_clusters([words(pair, found.finetuned[place]) for place in best])
    made = [
        Group(
            tuple(best[member] for member in cluster.members),
            best[cluster.medoid],
            sum(scores[best[member]] for member in cluster.members),
        )
        for cluster in clusters
    ]
    return tuple(sorted(made, key=lambda group: (-group.score, group.members)))


def repetition(pair: ModelPair, found: Survey, count: int) -> float:
    """How alike the spans of two different samples are, each weighted by its score.

    The mean cosine similarity Σ s_i s_j sim_ij / Σ s_i s_j over i ≠ j, from 0 (no two spans share
    a piece of a word, or there are no two) to 1 (all spans are the same).

    Args:
        pair: both sides.
        found: the survey.
        count: how many spans are compared, the most tilted.
    """
    every = [scored.span.score for scored in found.finetuned]
    best = _most_tilted(every, count)
    if len(best) < 2:
        return 0.0
    alike = 1 - text_distances([words(pair, found.finetuned[place]) for place in best])
    scores = np.array([every[place] for place in best])
    weights = np.outer(scores, scores)
    np.fill_diagonal(weights, 0.0)
    return float((weights * alike).sum() / weights.sum())


def _most_tilted(scores: Sequence[float], count: int) -> list[int]:
    order = sorted(range(len(scores)), key=lambda place: (-scores[place], place))
    return [place for place in order[:count] if scores[place] > 0]


def table(pair: ModelPair, found: Survey, shown: Sequence[Group]) -> Table:
    """The groups' typical spans, how many samples hold one, and what they sum to."""
    rows = [
        (words(pair, found.finetuned[group.typical]), len(group.members), group.score)
        for group in shown
    ]
    return Table(
        title="Spans that the finetuned side samples and the base finds unlikely, in clusters",
        columns=("typical span", f"samples of {len(found.finetuned)}", "sum of scores, nats"),
        rows=tuple(rows),
    )


def samples(found: Survey, shown: Sequence[Group]) -> Samples:
    """Each group's typical sample beside the base's from the same opening."""
    return Samples(
        title="A typical sample of each cluster with its log-likelihood ratio, and the base's from "
        "the same opening and draws",
        unit="nats",
        rows=tuple(_row(found.base[g.typical], found.finetuned[g.typical]) for g in shown),
    )


def _row(base: Scored, finetuned: Scored) -> Sample:
    return Sample(
        prompt=finetuned.sample.opening.words,
        base=base.sample.text,
        finetuned=finetuned.sample.text,
        score=finetuned.total,
    )
