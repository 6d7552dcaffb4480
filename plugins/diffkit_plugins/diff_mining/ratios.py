"""How much more often the finetuned side expects a token, against how often the base does."""

import torch
from jaxtyping import Float
from torch import Tensor

PRIOR = 1.0
"""Occurrences that each side is taken to have expected besides (Laplace's rule of succession)."""


def log_ratios(
    p: Float[Tensor, " vocabulary"], q: Float[Tensor, " vocabulary"]
) -> Float[Tensor, " vocabulary"]:
    """log((p + 1) / (q + 1)) of expected occurrences, in nats.

    A token that neither side would say even once in all the texts stays near 0, however far its
    logits drifted.

    Args:
        p: how often the finetuned side expects each token.
        q: how often the base does.
    """
    return ((p + PRIOR) / (q + PRIOR)).log()


def standardised(
    p: Float[Tensor, " vocabulary"], q: Float[Tensor, " vocabulary"]
) -> Float[Tensor, " vocabulary"]:
    """The log ratios in the standard errors that they would have, were occurrences counted.

    (Monroe, Colaresi and Quinn, *Fightin' Words*, 2008, with a flat prior.)
    """
    return log_ratios(p, q) / (1 / (p + PRIOR) + 1 / (q + PRIOR)).sqrt()


def concentration(ratios: Float[Tensor, " vocabulary"]) -> float:
    """One over the share of the vocabulary that the log ratios are spread over; 0 if none moved.

    V Σr⁴ / (Σr²)², the inverse participation ratio: 1 where all tokens moved alike, V / n where n
    tokens moved alike and no other did. A factor on all ratios leaves it as it is.
    """
    squares = ratios.square()
    total = float(squares.sum())
    if total == 0:
        return 0.0
    return float(len(ratios) * (squares / total).square().sum())


def mean_absolute(ratios: Float[Tensor, " vocabulary"]) -> float:
    """How far the ratios are from 0 on average, in nats."""
    return float(torch.mean(ratios.abs()))
