"""How a model goes on from token ids."""

from collections.abc import Sequence
from dataclasses import dataclass

from diffkit import Inputs, Model, Sampling


@dataclass(frozen=True)
class Continuation:
    """How a model went on from a prompt."""

    ids: tuple[int, ...]
    """Without the token that ends it."""
    finished: bool
    """Whether the model ended it."""
    text: str
    """The ids decoded, without special tokens."""


def complete(
    model: Model,
    prompts: Sequence[tuple[int, ...]],
    sampling: Sampling,
    *,
    vocabulary: int,
    numbers: Sequence[int] | None = None,
) -> list[Continuation]:
    """Goes on from one batch of prompts, and keeps the token ids.

    Args:
        model: one side.
        prompts: token ids.
        sampling: how tokens are chosen.
        vocabulary: ids from here on are never chosen.
        numbers: what the draws of each prompt come from besides the seed; none takes its place.
    """
    rows = model.generate_ids(
        Inputs.of(prompts, side="left"), sampling, vocabulary=vocabulary, numbers=numbers
    )
    return [
        Continuation(
            row.ids, row.finished, model.tokenizer.decode(row.ids, skip_special_tokens=True)
        )
        for row in rows
    ]
