"""The strongest tokens of a trace, and the colour level of each token."""

from dataclasses import dataclass

from diffkit.findings import TokenTrace, TracedToken

LEVELS = 5
"""Steps of warmth above none."""


@dataclass(frozen=True)
class Position:
    """One token of a trace and its 0-based place."""

    index: int
    token: TracedToken


def strongest(trace: TokenTrace, count: int) -> tuple[Position, ...]:
    """The ``count`` tokens whose scores are largest in magnitude, largest first, zeros left out."""
    scored = [Position(i, t) for i, t in enumerate(trace.tokens) if t.score]
    scored.sort(key=lambda position: -abs(position.token.score or 0))
    return tuple(scored[:count])


def levels(trace: TokenTrace) -> tuple[int, ...]:
    """For each token a warmth from 0 to `LEVELS`; negative where the score is."""
    top = max((abs(t.score) for t in trace.tokens if t.score), default=0.0)
    return tuple(_level(t.score or 0.0, top) for t in trace.tokens)


def _level(score: float, top: float) -> int:
    if not top:
        return 0
    level = round(LEVELS * abs(score) / top)
    return level if score > 0 else -level
