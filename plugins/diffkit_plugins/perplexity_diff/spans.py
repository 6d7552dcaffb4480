"""The stretch of a sample that carries most of its log-likelihood ratio."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True)
class Span:
    """Consecutive tokens, from ``start`` to before ``stop``."""

    start: int
    stop: int
    score: float
    """The sum of log ratios less the cost of each token, in nats."""


def best_span(ratios: Float[Tensor, " tokens"], cost: float) -> Span:
    """The span with the largest sum of ``ratio − cost``, in one pass (Bentley 1984).

    Of equals the one that ends first, and of these the shortest; empty, with the score 0, where no
    token is worth its cost.

    Args:
        ratios: log ratios of a sample's tokens, in nats.
        cost: what a token must bring on average, in nats.
    """
    best, start, total = Span(0, 0, 0.0), 0, 0.0
    for place, ratio in enumerate(ratios.tolist()):
        if total <= 0:
            start, total = place, 0.0
        total += ratio - cost
        if total > best.score:
            best = Span(start, place + 1, total)
    return best
