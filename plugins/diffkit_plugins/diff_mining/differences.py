"""How much likelier the finetuned side finds each token, position by position."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor


@dataclass(frozen=True)
class Differences:
    """Both sides' predictions at some positions, over the tokens that both have."""

    p: Float[Tensor, "positions vocabulary"]
    """The finetuned side's probabilities."""
    q: Float[Tensor, "positions vocabulary"]
    """The base's."""
    d: Float[Tensor, "positions vocabulary"]
    """log p - log q, in nats."""


@dataclass(frozen=True)
class Largest:
    """The tokens with the largest differences of each position, largest first."""

    tokens: Int[Tensor, "positions k"]
    rises: Float[Tensor, "positions k"]
    """Their differences in nats; 0 where a difference is not above 0, which is no rise."""

    def spread(self, vocabulary: int) -> Float[Tensor, "positions vocabulary"]:
        """The rises in their tokens' columns, 0 elsewhere."""
        zeros = self.rises.new_zeros(len(self.rises), vocabulary)
        return zeros.scatter(1, self.tokens, self.rises)


def differences(
    logits_p: Float[Tensor, "positions rows_p"],
    logits_q: Float[Tensor, "positions rows_q"],
    vocabulary: int,
) -> Differences:
    """Differences of log probabilities over the first ``vocabulary`` tokens, renormalised.

    A position's logits are known up to a constant only, so their difference has an arbitrary
    level; log probabilities fix it, and leave the order of tokens within a position as it is. A
    token that a side rules out (-inf) has no difference that could be averaged, and gets 0.

    Args:
        logits_p: the finetuned side's logits.
        logits_q: the base's; it may have another number of rows.
        vocabulary: how many tokens both sides have.
    """
    log_p = logits_p[:, :vocabulary].float().log_softmax(dim=-1)
    log_q = logits_q[:, :vocabulary].float().log_softmax(dim=-1)
    d = torch.nan_to_num(log_p - log_q, nan=0.0, posinf=0.0, neginf=0.0)
    return Differences(log_p.exp(), log_q.exp(), d)


def largest(d: Float[Tensor, "positions vocabulary"], k: int) -> Largest:
    """The ``k`` largest differences of each position.

    Args:
        d: differences in nats.
        k: how many; no more than there are tokens are taken.
    """
    best = d.topk(min(k, d.shape[1]), dim=1)
    return Largest(best.indices, best.values.clamp(min=0))
