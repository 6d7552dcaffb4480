"""What each token of a prefix is worth."""

from collections.abc import Sequence

import torch

from diffkit import TokenScore, TokenTable
from diffkit_plugins.steering_prefix.half import Half


def worth(half: Half, ids: Sequence[int], loss: float) -> list[float]:
    """How much higher the mean loss is without each token, in nats per token.

    Args:
        half: the suffixes that it is measured on.
        ids: the prefix; without its only token there is none.
        loss: its mean loss there.
    """
    without = [[*ids[:place], *ids[place + 1 :]] for place in range(len(ids))]
    prefixes = torch.tensor(without, dtype=torch.long).reshape(len(ids), len(ids) - 1)
    losses = half.objective.losses(prefixes, range(len(half.items))).double().mean(dim=1)
    return [float(other) - loss for other in losses]


def token_table(half: Half, ids: Sequence[int], loss: float) -> TokenTable:
    """The prefix's tokens, those that it can spare least first."""
    decode = half.problem.model.tokenizer.decode
    worths = worth(half, ids, loss)
    ranked = sorted(zip(ids, worths, strict=True), key=lambda row: -row[1])
    return TokenTable(
        title="What each token of the prefix is worth: held-out loss without it, less that with it",
        unit=half.objective.unit,
        rows=tuple(TokenScore(token=decode([token]), score=score) for token, score in ranked),
    )
