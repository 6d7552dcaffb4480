"""The findings of contrastive-decoding: words, clusters, samples and curves over α.

Takes the generated texts of `diffkit_plugins.contrastive_decoding.measure`. Gives findings.
"""

from collections.abc import Sequence

import numpy as np

from diffkit import Line, Sample, Samples, Series, Table, TokenScore, TokenTable
from diffkit.analysis import WordExcess, cluster_texts, indices_by_score, score_excess
from diffkit_plugins.contrastive_decoding.config import ContrastiveDecodingConfig
from diffkit_plugins.contrastive_decoding.measure import GeneratedText

CLUSTERED = 2_000
"""The largest number of texts that are clustered: memory grows with its square."""


def word_table(words: Sequence[WordExcess], count: int) -> TokenTable:
    """The words with the largest excess, and its standard deviation over random texts."""
    rows = [
        TokenScore(token=word.word, score=word.excess.total, spread=word.excess.chance)
        for word in words[:count]
        if word.excess.total > 0
    ]
    return TokenTable(
        title="Words whose texts are tilted towards the finetuned side: tilt above the mean, "
        "summed over the texts that say them (spread: the same over random texts)",
        unit="nats per token",
        rows=tuple(rows),
    )


def cluster_table(texts: Sequence[GeneratedText], config: ContrastiveDecodingConfig) -> Table:
    """Clusters of similar texts, the largest excess of log ratios first.

    If there are more than `CLUSTERED` texts, those with the largest ratios are clustered.
    """
    ratios = np.array([text.log_ratio for text in texts])
    indices = sorted(indices_by_score(ratios.tolist(), CLUSTERED))
    words = [text.text for text in texts]
    clusters = cluster_texts(words, indices, threshold=config.threshold)
    ranked = sorted(
        ((score_excess(ratios, cluster.members), cluster) for cluster in clusters),
        key=lambda ranked: -ranked[0].total,
    )
    rows = [
        (
            words[cluster.medoid],
            len(cluster),
            len({texts[member].request.opening.ids for member in cluster.members}),
            sum(texts[member].log_ratio for member in cluster.members) / len(cluster),
            excess.total,
        )
        for excess, cluster in ranked[: config.clusters]
    ]
    return Table(
        title="Amplified texts in groups that say much the same, by the tilt that they carry",
        columns=("typical text", "texts", "openings", "log ratio, nats per token",
                 "sum above the mean"),
        rows=tuple(rows),
        text_columns=("typical text",),
    )  # fmt: skip


def largest_ratio_samples(
    texts: Sequence[GeneratedText],
    every: Sequence[GeneratedText],
    config: ContrastiveDecodingConfig,
) -> Samples:
    """The texts with the largest log ratios, one per opening, and the base's of the same draws.

    Args:
        texts: the texts that may be shown.
        every: all texts, including the base's own.
        config: the options.
    """
    own = {text.request.number: text.text for text in every if text.request.alpha == 0}
    best: dict[tuple[int, ...], GeneratedText] = {}
    for text in sorted(texts, key=lambda text: -text.log_ratio):
        best.setdefault(text.request.opening.ids, text)
    rows = [
        Sample(
            prompt=text.request.opening.text,
            base=own[text.request.number],
            finetuned=text.text,
            score=text.log_ratio,
        )
        for text in list(best.values())[: config.shown]
    ]
    return Samples(
        title="The most tilted texts beside the base's own, by log-likelihood ratio",
        unit="nats per token",
        rows=tuple(rows),
    )


def alpha_series(every: Sequence[GeneratedText], limit: float) -> tuple[Series, Series]:
    """The mean log ratio and the repetition of the texts at each α.

    Args:
        every: all texts.
        limit: the repetition above which a text is left out.
    """
    alphas = sorted({text.request.alpha for text in every})
    at = [[text for text in every if text.request.alpha == alpha] for alpha in alphas]
    ratio = [sum(text.log_ratio for text in texts) / len(texts) for texts in at]
    mean = [sum(text.repetition for text in texts) / len(texts) for texts in at]
    over = [sum(text.repetition > limit for text in texts) / len(texts) for texts in at]
    x, label = tuple(alphas), "α (0: the base, 1: the finetuned side)"
    return (
        Series(
            title="Log-likelihood ratio of the texts, by α",
            x_label=label,
            y_label="finetuned − base, nats per token",
            lines=(Line(name="mean", x=x, y=tuple(ratio)),),
        ),
        Series(
            title="Repetition in the texts, by α",
            x_label=label,
            y_label="share",
            lines=(
                Line(name="repeated pairs of tokens, mean", x=x, y=tuple(mean)),
                Line(name="texts left out for it", x=x, y=tuple(over)),
            ),
        ),
    )
