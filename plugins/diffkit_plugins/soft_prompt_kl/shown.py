"""What is said under the prompt, as findings."""

from collections.abc import Sequence

from diffkit import Sample, Samples, Table
from diffkit.maths import Cluster, text_clusters
from diffkit_plugins.soft_prompt_kl.ranking import NAMES, Both, Said, Speaker

CLUSTERED = 2_000
"""How many completions are compared with each other at most: memory grows with the square."""
MEMBERS = 3
"""How many of a group are shown, the most telling ones."""


def samples(
    said: Sequence[Both], where: str = "under the prompt", speaker: Speaker = "finetuned"
) -> Samples:
    """Both sides' completions, the most telling first.

    Args:
        said: the largest ratio first.
        where: for the title.
        speaker: the side by whose completions they are ranked.
    """
    side, other = NAMES[speaker]
    return Samples(
        title=f"What both sides say {where}, by how much likelier the {side}'s text is to itself "
        f"than to the {other} where there is no prompt (log ratio)",
        unit="nats",
        rows=tuple(_sample(one, speaker) for one in said),
    )


def _sample(both: Both, speaker: Speaker) -> Sample:
    own, other = both.said.passage.words, both.other.words
    base, finetuned = (other, own) if speaker == "finetuned" else (own, other)
    prompt = both.other.context.words if both.other.context else ""
    return Sample(prompt=prompt, base=base, finetuned=finetuned, score=both.said.total)


def cluster_table(said: Sequence[Said], count: int) -> Table:
    """The finetuned side's completions in groups, those that carry most of the ratio first.

    Args:
        said: the largest ratio first; where there are more than `CLUSTERED`, these are grouped.
        count: rows.
    """
    kept = said[:CLUSTERED]
    rows = [
        (kept[group.medoid].passage.words, len(group), total / len(group), total)
        for total, group in _groups(kept)[:count]
    ]
    return Table(
        title="The finetuned side's completions under the prompt in groups that say much the same, "
        "by the log ratio that they carry without it",
        columns=("typical completion", f"completions of {len(kept)}", "mean, nats", "sum, nats"),
        rows=tuple(rows),
    )


def member_table(both: Sequence[Both], count: int, speaker: Speaker) -> Table:
    """Some of each group of two or more, beside what the other side says in the same place.

    Groups whose ratios sum to no more than 0 are left out: the other side finds them as likely.

    Args:
        both: the largest ratio first; where there are more than `CLUSTERED`, these are grouped.
        count: groups.
        speaker: the side whose completions are grouped.
    """
    kept, (side, other) = both[:CLUSTERED], NAMES[speaker]
    every = _groups([one.said for one in kept])
    groups = [group for total, group in every if len(group) > 1 and total > 0]
    rows = [
        (number, len(group), one.said.passage.words, one.other.words, one.said.total)
        for number, group in enumerate(groups[:count], 1)
        for one in (kept[place] for place in group.members[:MEMBERS])
    ]
    return Table(
        title=f"Up to {MEMBERS} completions of each group of two or more that the {side} says "
        f"under the prompt and finds likelier without it, beside the {other}'s in the same "
        "contexts with the same draws",
        columns=("group", "completions", side, other, "log ratio, nats"),
        rows=tuple(rows),
    )


def _groups(said: Sequence[Said]) -> list[tuple[float, Cluster]]:
    """Like completions with the sum of their ratios, the largest first."""
    groups = text_clusters([one.passage.words for one in said])
    sums = [(sum(said[place].total for place in group.members), group) for group in groups]
    return sorted(sums, key=lambda pair: -pair[0])
