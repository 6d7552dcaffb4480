"""The learning rate as a closed form of the step, so that nothing needs to be saved."""

import math


def learning_rate(step: int, *, peak: float, warmup: int, steps: int) -> float:
    """The learning rate of ``step`` (from 0): linear warm-up, then half a cosine down to 0."""
    if step < warmup:
        return peak * (step + 1) / warmup
    share = (step - warmup) / max(1, steps - warmup)
    return peak * 0.5 * (1.0 + math.cos(math.pi * share))
