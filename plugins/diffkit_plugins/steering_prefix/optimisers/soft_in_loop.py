"""A soft prompt whose gradients are taken at its nearest tokens, then HotFlip."""

import torch

from diffkit_plugins.steering_prefix.optimiser import Found, Optimiser, Task
from diffkit_plugins.steering_prefix.optimisers.combined import combined
from diffkit_plugins.steering_prefix.projecting import projected, settled
from diffkit_plugins.steering_prefix.scoring import Scorer
from diffkit_plugins.steering_prefix.softening import SoftPrompt


class SoftInLoop(Optimiser):
    """As soft-projection, with the projection kept in the loop (PEZ, arXiv 2302.03668).

    The loss is that of tokens in every step; the tokens with the least one, on the items of their
    step, are what HotFlip begins with.
    """

    def search(self, task: Task) -> Found:
        """Searches until no step can be paid for."""
        soft = SoftPrompt(Scorer(task), torch.Generator().manual_seed(task.seed))
        best, tokens = float("inf"), settled(task.space, soft.embeddings.detach())
        for _ in range(soft.steps):
            ids = projected(task.space, soft.embeddings.detach())
            loss = soft.step(at=task.space.embeddings[ids])
            task.tell(f"projected {loss:.3g} {task.objective.unit}")
            if loss < best and bool(task.space.keeps(ids[None])):
                best, tokens = loss, ids
        return combined(task, soft, tokens)
