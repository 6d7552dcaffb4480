"""What is said under the prompt, as findings."""

from collections.abc import Sequence

from diffkit import Sample, Samples, Table
from diffkit.maths import text_clusters
from diffkit_plugins.soft_prompt_kl.ranking import Both, Said

CLUSTERED = 2_000
"""How many completions are compared with each other at most: memory grows with the square."""


def samples(said: Sequence[Both], where: str = "under the prompt") -> Samples:
    """Both sides' completions, the most telling first.

    Args:
        said: the largest ratio first.
        where: for the title.
    """
    rows = [
        Sample(
            prompt=one.base.context.words if one.base.context else "",
            base=one.base.words,
            finetuned=one.finetuned.passage.words,
            score=one.finetuned.total,
        )
        for one in said
    ]
    return Samples(
        title=f"What both sides say {where}, by how much likelier the finetuned side's text is to "
        "itself than to the base where there is no prompt (log ratio)",
        unit="nats",
        rows=tuple(rows),
    )


def cluster_table(said: Sequence[Said], count: int) -> Table:
    """The finetuned side's completions in groups, those that carry most of the ratio first.

    Args:
        said: the largest ratio first; where there are more than `CLUSTERED`, these are grouped.
        count: rows.
    """
    kept = said[:CLUSTERED]
    groups = text_clusters([one.passage.words for one in kept])
    sums = [(sum(kept[place].total for place in group.members), group) for group in groups]
    rows = [
        (kept[group.medoid].passage.words, len(group), total / len(group), total)
        for total, group in sorted(sums, key=lambda pair: -pair[0])[:count]
    ]
    return Table(
        title="The finetuned side's completions under the prompt in groups that say much the same, "
        "by the log ratio that they carry without it",
        columns=("typical completion", f"completions of {len(kept)}", "mean, nats", "sum, nats"),
        rows=tuple(rows),
    )
