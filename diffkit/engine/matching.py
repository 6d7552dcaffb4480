"""The scale at which a random change moves a model as far as it is to."""

from collections.abc import Callable
from math import exp, isfinite, log

from diffkit.errors import UserError

CLOSE = 0.05
"""Difference of logarithms at which a drift is near enough."""
FAR = 0.01
"""Share of the wanted drift that smaller ones, such as a bfloat16's 0, count as."""


def matching_scale(
    drift_at: Callable[[float], float], wanted: float, *, start: float = 1.0, rounds: int = 12
) -> float:
    """Factor on the norms of a change at which its drift is what is wanted.

    Secants in logarithms: drift goes as the square of small scales, and faster later.

    Args:
        drift_at: drift at a scale, in nats per token.
        wanted: the drift that is wanted, in the same unit; where it is 0 (or below, by rounding),
            so is the scale.
        start: scale that is tried first.
        rounds: scales that are tried at most; the last correction is not, so a drift that cannot
            be had is missed.

    Raises:
        UserError: a drift is no number.
    """
    if wanted <= 0:
        return 0.0
    x, slope, before = log(start), 2.0, None
    for _ in range(rounds):
        found = drift_at(exp(x))
        if not isfinite(found):
            raise UserError(
                f"A random change at {exp(x):.3g} times the norms drifts by {found} nats a token.",
                cure="Try: --dtype float32",
            )
        y = log(max(found / wanted, FAR))
        if abs(y) <= CLOSE:
            break
        if before is not None and before[0] != x:
            slope = min(max((y - before[1]) / (x - before[0]), 1.0), 10.0)
        before, x = (x, y), x - y / slope
    return exp(x)
