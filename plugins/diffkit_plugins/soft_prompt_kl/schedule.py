"""How the learning rate goes over a training."""

import math

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR


def schedule(optimizer: Optimizer, steps: int, warmup: float, done: int = 0) -> LambdaLR:
    """A linear rise to the optimiser's rate, then a cosine down to 0.

    Args:
        optimizer: its rate is the peak.
        steps: steps of the whole training.
        warmup: share of them in which the rate rises.
        done: steps taken before.
    """
    rising = int(warmup * steps)

    def factor(step: int) -> float:
        if step < rising:
            return (step + 1) / (rising + 1)
        return 0.5 * (1 + math.cos(math.pi * (step - rising) / (steps - rising)))

    for group in optimizer.param_groups:
        group["initial_lr"] = group["lr"]  # what LambdaLR expects of a training that goes on
    return LambdaLR(optimizer, factor, last_epoch=done - 1)
