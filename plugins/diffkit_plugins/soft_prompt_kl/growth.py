"""When a training has stopped getting better, and how it goes on with a longer prompt."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from diffkit_plugins.soft_prompt_kl.trained import Evaluated


def stale(history: Sequence[Evaluated]) -> int:
    """Evaluations in a row, at the current length, none of which was the best so far.

    The first at a length is of a prompt whose last token no step was taken with: it counts not.
    """
    scores = [one.score for one in history]
    best = scores.index(max(scores))
    current = [one.length for one in history].index(history[-1].length)
    return len(history) - 1 - max(best, current)


def lengthened(
    prompt: Float[Tensor, "length hidden"], token: Float[Tensor, "1 hidden"]
) -> Float[Tensor, "lengthened hidden"]:
    """The prompt with a token after its last, next to what is read."""
    return torch.cat([prompt, token.to(prompt)])
