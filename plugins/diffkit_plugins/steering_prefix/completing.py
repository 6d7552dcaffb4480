"""How a model goes on from token ids."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from diffkit import Inputs, Model, ModelPair, Sampling


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

    def common(
        logits: Float[Tensor, "live rows"], _: Float[Tensor, "live rows"], __: Int[Tensor, " live"]
    ) -> Float[Tensor, "live rows"]:
        return logits.index_fill(1, beyond.to(logits.device), -math.inf)

    beyond = torch.arange(vocabulary, model.vocabulary)
    rows = ModelPair(model, model).generate_mixed(
        Inputs.of(prompts, side="left"), common, sampling, numbers=numbers
    )
    return [
        Continuation(
            row.ids, row.finished, model.tokenizer.decode(row.ids, skip_special_tokens=True)
        )
        for row in rows
    ]
