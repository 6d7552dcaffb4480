"""A soft prompt on its way down."""

from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor

from diffkit_plugins.steering_prefix.drawing import random_prefixes
from diffkit_plugins.steering_prefix.optimiser import Point
from diffkit_plugins.steering_prefix.scoring import GRADIENT, Scorer


@dataclass
class SoftPrompt:
    """Embeddings trained by Adam, from those of a random prefix.

    The rate is in standard deviations of the vocabulary's embeddings, since Adam's steps are
    absolute.
    """

    scorer: Scorer
    chance: torch.Generator
    embeddings: Float[Tensor, "length hidden"] = field(init=False)
    """As trained so far."""
    trail: list[Point] = field(init=False, default_factory=list)
    """Its loss in each step, on the step's own items."""

    def __post_init__(self) -> None:
        space, options = self.scorer.task.space, self.scorer.task.options
        (start,) = random_prefixes(space, options.length, 1, self.chance)
        self.embeddings = space.embeddings[start].clone().requires_grad_()
        rate = options.soft_rate * float(space.embeddings[space.allowed].std())
        self._adam = torch.optim.Adam([self.embeddings], lr=rate)

    @property
    def steps(self) -> int:
        """Steps that it gets: those of the options, within half of what is left of the budget.

        It and its tokens can still be read with every item afterwards.
        """
        left, options = self.scorer.task.budget.left, self.scorer.task.options
        read = (GRADIENT + 1) * self.scorer.items + 1
        afforded = min(left // 2, max(left - read, 0)) // (GRADIENT * self.scorer.per_step)
        return min(options.soft_steps, afforded)

    def step(self, at: Float[Tensor, "length hidden"] | None = None) -> float:
        """One step on some items; the loss there, penalties left out.

        Args:
            at: embeddings at which the gradient is taken; none takes it at the soft prompt's own.
        """
        here = self.embeddings.detach() if at is None else at
        read = self.scorer.gradient(here, self.scorer.some(self.chance))
        self.embeddings.grad = read.gradient.to(here) + self._penalty_gradient(here)
        self._adam.step()
        if at is None:
            self.trail.append(Point(self.scorer.task.budget.spent, read.loss))
        return read.loss

    def loss(self) -> float:
        """The mean over all items, penalties left out."""
        return self.scorer.gradient(self.embeddings.detach(), range(self.scorer.items)).loss

    def _penalty_gradient(
        self, here: Float[Tensor, "length hidden"]
    ) -> Float[Tensor, "length hidden"]:
        leaf = here.detach().clone().requires_grad_()
        with torch.enable_grad():
            penalty = self.scorer.task.space.penalty_at(leaf)
        if not penalty.requires_grad:
            return torch.zeros_like(here)
        (gradient,) = torch.autograd.grad(penalty, leaf)
        return gradient
