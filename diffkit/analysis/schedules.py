"""Learning-rate schedules."""

import math


def warmup_cosine(step: int, steps: int, warmup: float) -> float:
    """A linear rise to 1, then a cosine down to 0: the share of the peak learning rate.

    A function, since torch's schedulers warn where the first steps are skipped, as they are with a
    float16 loss scale.

    Args:
        step: the number of steps taken before.
        steps: the number of steps of the whole training.
        warmup: the share of them in which the rate rises.
    """
    rising = int(warmup * steps)
    if step < rising:
        return (step + 1) / (rising + 1)
    return 0.5 * (1 + math.cos(math.pi * (step - rising) / (steps - rising)))
