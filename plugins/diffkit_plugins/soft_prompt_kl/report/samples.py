"""What is said under the prompt: words, samples, clusters and traces."""

from collections.abc import Sequence
from typing import Any

from jaxtyping import Float
from torch import Tensor

from diffkit import (
    Model,
    ModelPair,
    Sample,
    Samples,
    Table,
    TokenScore,
    TokenTable,
    TokenTrace,
)
from diffkit.analysis import (
    ScoredCluster,
    cluster_texts,
    common_probabilities,
    rank_clusters,
    token_text,
    trace_tokens,
)
from diffkit_plugins.soft_prompt_kl.comparison import PassageDivergence, PassageDivergences
from diffkit_plugins.soft_prompt_kl.config import SoftPromptKLConfig
from diffkit_plugins.soft_prompt_kl.evaluation import BaseSide
from diffkit_plugins.soft_prompt_kl.prediction import states
from diffkit_plugins.soft_prompt_kl.ranking import (
    NAMES,
    SPOKEN,
    CompletionPair,
    ScoredCompletion,
    Speaker,
    WordContribution,
    word_contributions,
)

CLUSTERED = 2_000
"""The largest number of completions that are clustered: memory grows with its square."""

MEMBERS = 3
"""The number of completions shown of each cluster, those with the largest ratios."""


def completion_samples(
    completions: Sequence[CompletionPair],
    where: str = "under the prompt",
    speaker: Speaker = "finetuned",
) -> Samples:
    """Both sides' completions, the largest ratio first.

    Args:
        completions: the largest ratio first.
        where: for the title.
        speaker: the side by whose completions they are ranked.
    """
    side, other = NAMES[speaker]
    return Samples(
        title=f"What both sides say {where}, by how much likelier the {side}'s text is to itself "
        f"than to the {other} where there is no prompt (log ratio)",
        unit="nats",
        rows=tuple(_sample(one, speaker) for one in completions),
    )


def _sample(both: CompletionPair, speaker: Speaker) -> Sample:
    own, other = both.scored.passage.words, both.other.words
    base, finetuned = (other, own) if speaker == "finetuned" else (own, other)
    prompt = both.other.context.words if both.other.context else ""
    return Sample(prompt=prompt, base=base, finetuned=finetuned, score=both.scored.total)


def cluster_table(completions: Sequence[ScoredCompletion], count: int) -> Table:
    """Clusters of the finetuned side's completions, the largest sum of ratios first.

    Args:
        completions: the largest ratio first; at most `CLUSTERED` of them are clustered.
        count: rows.
    """
    kept = completions[:CLUSTERED]
    rows = [
        (
            kept[one.cluster.medoid].passage.words,
            len(one.cluster),
            one.total / len(one.cluster),
            one.total,
        )
        for one in _clusters(kept)[:count]
    ]
    return Table(
        title="The finetuned side's completions under the prompt in groups that say much the same, "
        "by the log ratio that they carry without it",
        columns=("typical completion", f"completions of {len(kept)}", "mean, nats", "sum, nats"),
        rows=tuple(rows),
        text_columns=("typical completion",),
    )


def member_table(both: Sequence[CompletionPair], count: int, speaker: Speaker) -> Table:
    """Some of each group of two or more, beside what the other side says in the same place.

    Groups whose ratios sum to no more than 0 are left out: the other side finds them as likely.

    Args:
        both: the largest ratio first; at most `CLUSTERED` of them are clustered.
        count: groups.
        speaker: the side whose completions are grouped.
    """
    kept, (side, other) = both[:CLUSTERED], NAMES[speaker]
    every = _clusters([one.scored for one in kept])
    groups = [one.cluster for one in every if len(one.cluster) > 1 and one.total > 0]
    rows = [
        (number, len(group), one.scored.passage.words, one.other.words, one.scored.total)
        for number, group in enumerate(groups[:count], 1)
        for one in (kept[place] for place in group.members[:MEMBERS])
    ]
    return Table(
        title=f"Up to {MEMBERS} completions of each group of two or more that the {side} says "
        f"under the prompt and finds likelier without it, beside the {other}'s in the same "
        "contexts with the same draws",
        columns=("group", "completions", side, other, "log ratio, nats"),
        rows=tuple(rows),
        text_columns=(SPOKEN,),
    )


def _clusters(completions: Sequence[ScoredCompletion]) -> tuple[ScoredCluster, ...]:
    texts = [one.passage.words for one in completions]
    clusters = cluster_texts(texts, range(len(texts)))
    return rank_clusters(clusters, [one.total for one in completions])


CANDIDATES = 4
"""Likeliest tokens of each side shown at each token."""


def most_divergent(measured: PassageDivergences, count: int) -> tuple[PassageDivergence, ...]:
    """The passages with the largest mean divergence per token, no two with the same words."""
    ranked = sorted(
        (one for one in measured.passages if len(one.kl)), key=lambda one: -float(one.kl.mean())
    )
    distinct = {one.passage.words: one for one in reversed(ranked)}
    return tuple(one for one in ranked if distinct[one.passage.words] is one)[:count]


def completion_traces(
    pair: ModelPair,
    config: SoftPromptKLConfig,
    prompt: Float[Tensor, "length hidden"],
    measured: PassageDivergences,
) -> tuple[TokenTrace, ...]:
    """A trace of each, with what both sides expected under the prompt.

    The models read them again, so that measuring keeps no predictions.
    """
    shown = most_divergent(measured, config.traces)
    return tuple(_trace(pair, prompt, one, place) for place, one in enumerate(shown, 1))


def _trace(
    pair: ModelPair, prompt: Float[Tensor, "length hidden"], one: PassageDivergence, place: int
) -> TokenTrace:
    base, finetuned = (_expected(pair, side, prompt, one) for side in (pair.base, pair.finetuned))
    tokenizer, tokens = pair.base.tokenizer, one.passage.ids[one.passage.start :]
    return TokenTrace(
        title=f"Where the sides part under the prompt, {place}: KL(finetuned‖base) of each token's "
        "prediction",
        unit="nats",
        tokens=trace_tokens(
            tokenizer,
            [token_text(tokenizer, token) for token in tokens],
            one.kl.tolist(),
            base=base,
            finetuned=finetuned,
            candidates=CANDIDATES,
        ),
    )


def _expected(
    pair: ModelPair, side: Model, prompt: Float[Tensor, "length hidden"], one: PassageDivergence
) -> Float[Tensor, "tokens vocabulary"]:
    (read,) = states(side, prompt, [one.passage])
    return common_probabilities(side.project(read), pair.vocabulary)


def word_table(
    found: Sequence[WordContribution],
    count: int,
    *,
    prompted: bool = True,
    speaker: Speaker = "finetuned",
) -> TokenTable:
    """The words of one side's completions whose lower bound is above 0."""
    side, other = NAMES[speaker]
    where = "under the prompt" if prompted else "without any prompt"
    rows = [
        TokenScore(token=word.word, score=word.mean, spread=word.error)
        for word in found[:count]
        if word.low > 0
    ]
    return TokenTable(
        title=f"Words that the {side} says {where} and, where there is none, finds likelier than "
        f"the {other} does",
        unit="nats per completion",
        rows=tuple(rows),
    )


def base_findings(
    found: BaseSide, config: SoftPromptKLConfig, tokenizer: Any
) -> tuple[TokenTable, Samples, Table]:
    """The base's words with their completions and clusters."""
    completions = [both.scored for both in found.base]
    return (
        word_table(word_contributions(completions, tokenizer), config.tokens, speaker="base"),
        completion_samples(found.base[: config.samples], speaker="base"),
        member_table(found.base, config.clusters, "base"),
    )
