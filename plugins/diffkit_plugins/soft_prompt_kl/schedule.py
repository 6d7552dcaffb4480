"""How the learning rate goes over a training."""

import math


def share_of_peak(step: int, steps: int, warmup: float) -> float:
    """A linear rise to the peak, then a cosine down to 0.

    Written out, since torch's schedulers warn where the first steps are left out, as float16's
    loss scale has them.

    Args:
        step: steps taken before.
        steps: steps of the whole training.
        warmup: share of them in which the rate rises.
    """
    rising = int(warmup * steps)
    if step < rising:
        return (step + 1) / (rising + 1)
    return 0.5 * (1 + math.cos(math.pi * (step - rising) / (steps - rising)))
