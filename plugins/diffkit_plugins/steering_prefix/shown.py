"""Suffixes, and what is said after them."""

from collections.abc import Sequence

from diffkit import Sample, Samples
from diffkit_plugins.steering_prefix.agreement import match_rate
from diffkit_plugins.steering_prefix.completing import Continuation
from diffkit_plugins.steering_prefix.depending import Item
from diffkit_plugins.steering_prefix.evaluation import Result
from diffkit_plugins.steering_prefix.wording import Wording


def explained(items: Sequence[Item], own: Sequence[Continuation], wording: Wording) -> Samples:
    """What is to be explained: both texts after each suffix.

    Where they differ comes first, then what is expected least.

    Args:
        items: the suffixes with their references.
        own: what the model that reads the prefix says without one.
        wording: title and names.
    """
    ranked = sorted(zip(items, own, strict=True), key=lambda row: -row[0].empty)
    rows = []
    for item, said in sorted(ranked, key=lambda row: _rate(*row) == 1):
        texts = said.text, item.reference.continuation.text
        base, finetuned = reversed(texts) if wording.swap else texts
        rows.append(
            Sample(prompt=item.place.suffix, base=base, finetuned=finetuned, score=item.empty)
        )
    return Samples(
        title=wording.explained, sides=wording.without, unit="nats per token", rows=tuple(rows)
    )


def similar(
    items: Sequence[Item], result: Result, count: int, wording: Wording, *, least: bool
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
    ranked = sorted(((_rate(item, said), -loss, item, said) for item, said, loss in rows),
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


def _rate(item: Item, said: Continuation) -> float:
    return match_rate(item.reference.continuation.ids, said.ids)
