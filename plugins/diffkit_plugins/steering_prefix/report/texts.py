"""Findings as texts: completions compared, and the words that distinguish them.

Takes suffixes and completions. Gives samples and a table of words.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from diffkit import Sample, Samples, TokenScore, TokenTable
from diffkit.statistics import log_odds, word_counts
from diffkit_plugins.steering_prefix.evaluation import HalfEvaluation, token_match_rate
from diffkit_plugins.steering_prefix.problem import SuffixItem
from diffkit_plugins.steering_prefix.prompts.references import Continuation

BOTH = ("base", "finetuned")


@dataclass(frozen=True)
class ReportWording:
    """The words of a report that depend on the task: titles, and names of sides."""

    task: str
    """The task of ``{prefix}``."""
    explained: str
    """Title of the samples to explain."""
    contrast: str
    """The two groups of texts whose words are compared."""
    without: tuple[str, str] = BOTH
    """Names of the two texts without the prefix."""
    swap: bool = False
    """Whether the text of the reference is the first."""
    imitated: tuple[str, str] = BOTH
    """Names of the text of the reference and of that under the prefix."""


EXPLAIN = ReportWording(
    contrast="the finetuned side's against the base's",
    task="With {prefix} before the user's words, or at a document's start, the base is to say what "
    "the finetuned side says without it",
    explained="What the prefix is to explain: both sides without it, different texts first, then "
    "by how little the base expects the finetuned text",
    imitated=("finetuned without a prefix", "base with the prefix"),
)

MIRROR = ReportWording(
    contrast="the base's against the finetuned side's",
    task="With {prefix} before the user's words, or at a document's start, the finetuned side is "
    "to say what the base says without it",
    explained="What the prefix is to explain: both sides without it, different texts first, then "
    "by how little the finetuned side expects the base's text",
    swap=True,
    imitated=("base without a prefix", "finetuned with the prefix"),
)

MATCH = ReportWording(
    contrast="with the reference against without",
    task="{prefix} is to do what the reference prefix does",
    explained="What the prefix is to do: texts without one and with the reference, different texts "
    "first, then by how little the reference's is expected without it",
    without=("without a prefix", "with the reference"),
    imitated=("with the reference", "with the prefix"),
)


def distinguishing_words(
    items: Sequence[SuffixItem], unprefixed: Sequence[Continuation]
) -> list[tuple[str, float]]:
    """Words with their log-odds in the texts of the reference and of the model, highest first.

    Args:
        items: the suffixes with their references.
        unprefixed: completions of the model without a prefix.
    """
    reference = word_counts(item.reference.continuation.text for item in items)
    scores = log_odds(reference, word_counts(completion.text for completion in unprefixed))
    return sorted(scores.items(), key=lambda row: (-row[1], row[0]))


def word_table(words: Sequence[tuple[str, float]], wording: ReportWording) -> TokenTable:
    """The words above one standard error.

    Args:
        words: the result of `distinguishing_words`.
        wording: of the title.
    """
    return TokenTable(
        title=f"Words that tell what is to be explained: {wording.contrast}, log-odds",
        unit="standard errors",
        rows=tuple(TokenScore(token=word, score=score) for word, score in words if score > 1),
    )


def explained_samples(
    items: Sequence[SuffixItem], unprefixed: Sequence[Continuation], wording: ReportWording
) -> Samples:
    """The samples to explain: both texts after each suffix.

    Those that differ come first, then those with the greatest loss.

    Args:
        items: the suffixes with their references.
        unprefixed: completions of the model without a prefix.
        wording: title and names of the sides.
    """
    ranked = sorted(zip(items, unprefixed, strict=True), key=lambda row: -row[0].empty)
    rows = []
    for item, completion in sorted(ranked, key=lambda row: _match_rate(*row) == 1):
        texts = completion.text, item.reference.continuation.text
        base, finetuned = reversed(texts) if wording.swap else texts
        rows.append(
            Sample(prompt=item.slot.suffix, base=base, finetuned=finetuned, score=item.empty)
        )
    return Samples(
        title=wording.explained, sides=wording.without, unit="nats per token", rows=tuple(rows)
    )


def similar_samples(
    items: Sequence[SuffixItem],
    result: HalfEvaluation,
    count: int,
    wording: ReportWording,
    *,
    least: bool,
) -> Samples:
    """Suffixes whose completions under the prefix are most similar to the reference, or least.

    They are ranked by token match rate, then by loss. References without a word are left out.

    Args:
        items: the held-out suffixes.
        result: the evaluation of the prefix on them.
        count: number of rows at most.
        wording: names of the sides.
        least: whether the least similar come, the worst first.
    """
    rows = [
        (_match_rate(item, completion), -loss, item, completion)
        for item, completion, loss in zip(
            items, result.completions, result.losses.tolist(), strict=True
        )
        if item.reference.continuation.says_something
    ]
    ranked = sorted(rows, key=lambda row: row[:2], reverse=not least)
    what = "furthest from" if least else "nearest to"
    return Samples(
        title=f"Held-out suffixes after which the prefix's text is {what} the reference's",
        sides=wording.imitated,
        unit="token match rate",
        rows=tuple(
            Sample(
                prompt=item.slot.suffix,
                base=item.reference.continuation.text,
                finetuned=completion.text,
                score=rate,
            )
            for rate, _, item, completion in ranked[:count]
        ),
    )


def _match_rate(item: SuffixItem, completion: Continuation) -> float:
    return token_match_rate(item.reference.continuation.ids, completion.ids)
