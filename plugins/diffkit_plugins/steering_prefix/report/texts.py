"""Findings of texts: completions beside each other, and the words that distinguish them.

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
    """Titles and the names of columns of texts."""

    task: str
    """What ``{prefix}`` is to do."""
    explained: str
    """Title of what the prefix is to bring about."""
    contrast: str
    """Whose words against whose."""
    without: tuple[str, str] = BOTH
    """Whose texts these are."""
    swap: bool = False
    """Whether the reference's text is the first of them."""
    imitated: tuple[str, str] = BOTH
    """What the reference's text and the text under the prefix are called."""


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
    items: Sequence[SuffixItem], own: Sequence[Continuation]
) -> list[tuple[str, float]]:
    """Words with their log-odds in the reference's texts against the model's own, highest first.

    Args:
        items: the suffixes with their references.
        own: what the model that reads the prefix says without one.
    """
    reference = word_counts(item.reference.continuation.text for item in items)
    scores = log_odds(reference, word_counts(said.text for said in own))
    return sorted(scores.items(), key=lambda row: (-row[1], row[0]))


def word_table(words: Sequence[tuple[str, float]], wording: ReportWording) -> TokenTable:
    """Those that are above one standard error.

    Args:
        words: what `told` gives.
        wording: whose texts these are.
    """
    return TokenTable(
        title=f"Words that tell what is to be explained: {wording.contrast}, log-odds",
        unit="standard errors",
        rows=tuple(TokenScore(token=word, score=score) for word, score in words if score > 1),
    )


def explained_samples(
    items: Sequence[SuffixItem], own: Sequence[Continuation], wording: ReportWording
) -> Samples:
    """What is to be explained: both texts after each suffix.

    Where they differ comes first, then what is expected least.

    Args:
        items: the suffixes with their references.
        own: what the model that reads the prefix says without one.
        wording: title and names.
    """
    ranked = sorted(zip(items, own, strict=True), key=lambda row: -row[0].empty)
    rows = []
    for item, said in sorted(ranked, key=lambda row: _match_rate(*row) == 1):
        texts = said.text, item.reference.continuation.text
        base, finetuned = reversed(texts) if wording.swap else texts
        rows.append(
            Sample(prompt=item.place.suffix, base=base, finetuned=finetuned, score=item.empty)
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
    """Suffixes after which the prefix comes nearest to the reference, or stays furthest from it.

    They are ranked by the share of tokens that agree, and among equals by the loss.

    Args:
        items: the held-out suffixes.
        result: how the prefix does on them.
        count: rows at most.
        wording: what the texts are called.
        least: whether the most dissimilar come, the worst first.
    """
    rows = zip(items, result.said, result.losses.tolist(), strict=True)
    ranked = sorted(((_match_rate(item, said), -loss, item, said) for item, said, loss in rows),
                    key=lambda row: row[:2], reverse=not least)  # fmt: skip
    what = "furthest from" if least else "nearest to"
    return Samples(
        title=f"Held-out suffixes after which the prefix's text is {what} the reference's",
        sides=wording.imitated,
        unit="token match rate",
        rows=tuple(
            Sample(
                prompt=item.place.suffix,
                base=item.reference.continuation.text,
                finetuned=said.text,
                score=rate,
            )
            for rate, _, item, said in ranked[:count]
        ),
    )


def _match_rate(item: SuffixItem, said: Continuation) -> float:
    return token_match_rate(item.reference.continuation.ids, said.ids)
