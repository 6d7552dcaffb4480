"""The findings of contrastive-decoding: words, clusters, samples and curves over α.

Takes the generated texts of `diffkit_plugins.contrastive_decoding.measure`. Gives findings.
"""

from collections.abc import Sequence

from diffkit import Line, Sample, Samples, Series, Table, TokenScore, TokenTable
from diffkit.maths import Cluster, text_clusters
from diffkit_plugins.contrastive_decoding.config import ContrastiveDecodingConfig
from diffkit_plugins.contrastive_decoding.measure import GeneratedText, WordExcess, excess_ratio

CLUSTERED = 2_000
"""How many texts are compared with each other at most: memory grows with the square."""


def word_table(words: Sequence[WordExcess], count: int) -> TokenTable:
    """The words that carry the tilt, with what chance would give."""
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
    """What is said again and again, the groups that carry most of the tilt first.

    Where there are more than `CLUSTERED` texts, the most tilted of them are grouped.
    """
    tilts = [text.tilt for text in texts]
    ranked = sorted(
        ((excess_ratio(group.members, texts), group) for group in _groups(texts, config.threshold)),
        key=lambda ranked: -ranked[0].total,
    )
    rows = [
        (
            texts[group.medoid].text,
            len(group),
            over.openings,
            sum(tilts[place] for place in group.members) / len(group),
            over.total,
        )
        for over, group in ranked[: config.clusters]
    ]
    return Table(
        title="Amplified texts in groups that say much the same, by the tilt that they carry",
        columns=("typical text", "texts", "openings", "log ratio, nats per token",
                 "sum above the mean"),
        rows=tuple(rows),
    )  # fmt: skip


def _groups(texts: Sequence[GeneratedText], threshold: float) -> list[Cluster]:
    order = sorted(range(len(texts)), key=lambda place: -texts[place].tilt)
    kept = sorted(order[:CLUSTERED])
    return [
        Cluster(tuple(kept[member] for member in group.members), kept[group.medoid])
        for group in text_clusters([texts[place].text for place in kept], threshold=threshold)
    ]


def largest_ratio_samples(
    texts: Sequence[GeneratedText],
    every: Sequence[GeneratedText],
    config: ContrastiveDecodingConfig,
) -> Samples:
    """The most tilted texts, each from another opening, beside the base's own of the same draws.

    Args:
        texts: those that may be shown.
        every: all texts, the base's own among them.
        config: the options.
    """
    own = {text.plan.number: text.text for text in every if text.plan.alpha == 0}
    best: dict[tuple[int, ...], GeneratedText] = {}
    for text in sorted(texts, key=lambda text: -text.tilt):
        best.setdefault(text.plan.opening.ids, text)
    rows = [
        Sample(
            prompt=text.plan.opening.text,
            base=own[text.plan.number],
            finetuned=text.text,
            score=text.tilt,
        )
        for text in list(best.values())[: config.shown]
    ]
    return Samples(
        title="The most tilted texts beside the base's own, by log-likelihood ratio",
        unit="nats per token",
        rows=tuple(rows),
    )


def alpha_series(every: Sequence[GeneratedText], limit: float) -> tuple[Series, Series]:
    """How tilted texts are at each α, and where they come apart.

    Args:
        every: all texts.
        limit: the repetition above which a text is left out.
    """
    alphas = sorted({text.plan.alpha for text in every})
    at = [[text for text in every if text.plan.alpha == alpha] for alpha in alphas]
    tilt = [sum(text.tilt for text in texts) / len(texts) for texts in at]
    mean = [sum(text.repetition for text in texts) / len(texts) for texts in at]
    over = [sum(text.repetition > limit for text in texts) / len(texts) for texts in at]
    x, label = tuple(alphas), "α (0: the base, 1: the finetuned side)"
    return (
        Series(
            title="Log-likelihood ratio of the texts, by α",
            x_label=label,
            y_label="finetuned − base, nats per token",
            lines=(Line(name="mean", x=x, y=tuple(tilt)),),
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
