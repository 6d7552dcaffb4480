"""A soft prompt, its nearest tokens, then HotFlip: the notebook's way."""

import torch

from diffkit_plugins.steering_prefix.optimiser import Found, Optimiser, Task
from diffkit_plugins.steering_prefix.optimisers.combined import combined
from diffkit_plugins.steering_prefix.projecting import settled
from diffkit_plugins.steering_prefix.scoring import Scorer
from diffkit_plugins.steering_prefix.softening import SoftPrompt


class SoftProjection(Optimiser):
    """The coarse knob and the fine one: a soft prompt finds where to go, HotFlip finds tokens.

    At most half of the budget goes into the soft prompt. An interrupted search begins again.
    """

    def search(self, task: Task) -> Found:
        """Searches until no step can be paid for."""
        soft = SoftPrompt(Scorer(task), torch.Generator().manual_seed(task.seed))
        for _ in range(soft.steps):
            task.tell(f"soft prompt {soft.step():.3g} {task.objective.unit}")
        return combined(task, soft, settled(task.space, soft.embeddings.detach()))
