"""What follows a soft prompt: its tokens, improved by HotFlip."""

from dataclasses import replace

from jaxtyping import Int
from torch import Tensor

from diffkit_plugins.steering_prefix.optimiser import Found, Task
from diffkit_plugins.steering_prefix.optimisers.hotflip import flip
from diffkit_plugins.steering_prefix.record import Record
from diffkit_plugins.steering_prefix.softening import SoftPrompt
from diffkit_plugins.steering_prefix.walk import Walk


def combined(task: Task, soft: SoftPrompt, tokens: Int[Tensor, " length"] | None) -> Found:
    """Spends the rest of the budget on HotFlip, from the soft prompt's tokens.

    Args:
        task: the search, which is not saved from here on either.
        soft: as trained.
        tokens: its tokens; none where none near it read back: HotFlip then begins at random.
    """
    stages = [("soft", soft.loss())]
    record, given = Record(task), None
    if tokens is not None:
        given = soft.scorer.wholes(tokens[None])
        record.offer(given[0])
        stages.append(("projected", given[0].loss))
    walk = Walk(replace(task, keep=lambda _: None), given=given, record=record)
    while flip(walk):
        pass
    stages.append(("HotFlip", walk.record.best.loss))
    return replace(
        walk.found(),
        soft=soft.embeddings.detach().cpu(),
        stages=tuple(stages),
        soft_trail=tuple(soft.trail),
        projected=None if tokens is None else tuple(tokens.tolist()),
    )
