"""How far completions are the references themselves, token by token."""

from collections.abc import Sequence
from dataclasses import dataclass

Ids = Sequence[int]


@dataclass(frozen=True)
class Agreement:
    """Shares from 0 to 1 over completions, each beside its reference."""

    exact: float
    """Completions that are their reference."""
    exact_first: float
    """Completions whose first K tokens are their reference's (exact@K)."""
    tokens: float
    """Token match rate: places with the same token in both, of the longer one's; their mean."""


def agreement(references: Sequence[Ids], completions: Sequence[Ids], first: int) -> Agreement:
    """Compares completions with references, place by place.

    Args:
        references: token ids; at least one.
        completions: as many.
        first: K; shorter completions must agree whole.

    Raises:
        ValueError: their numbers differ, or there are none.
    """
    both = list(zip(references, completions, strict=True))
    if not both:
        msg = "there is nothing to compare"
        raise ValueError(msg)
    return Agreement(
        exact=_mean([tuple(one) == tuple(other) for one, other in both]),
        exact_first=_mean([tuple(one[:first]) == tuple(other[:first]) for one, other in both]),
        tokens=_mean([match_rate(one, other) for one, other in both]),
    )


def match_rate(one: Ids, other: Ids) -> float:
    """Share of the longer one's places in which both have the same token; 1 if both are empty."""
    longest = max(len(one), len(other))
    same = sum(a == b for a, b in zip(one, other, strict=False))
    return same / longest if longest else 1.0


def _mean(values: Sequence[float | bool]) -> float:
    return sum(values) / len(values)
