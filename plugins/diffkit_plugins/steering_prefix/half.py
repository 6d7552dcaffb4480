"""One half of the suffixes, and the losses of prefixes on it."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Float
from torch import Tensor

from diffkit_plugins.steering_prefix.completions import CompletionObjective
from diffkit_plugins.steering_prefix.gap import Gap
from diffkit_plugins.steering_prefix.layout import Place
from diffkit_plugins.steering_prefix.problem import Item, Problem
from diffkit_plugins.steering_prefix.search_options import CompletionOptions


@dataclass(frozen=True)
class Half:
    """The suffixes that are searched with, or those that are held out."""

    problem: Problem
    objective: CompletionObjective
    items: tuple[Item, ...]
    options: CompletionOptions

    @property
    def places(self) -> tuple[Place, ...]:
        """Where the suffixes stand."""
        return tuple(item.place for item in self.items)

    @cached_property
    def gap(self) -> Gap:
        """Between no prefix and the floor."""
        return Gap.of(self.losses(()), self.objective.floors.cpu())

    @cached_property
    def entropies(self) -> CompletionObjective:
        """The same suffixes with the notebook's loss."""
        return CompletionObjective(
            self.problem.model,
            self.objective.places,
            self.objective.references,
            self.problem.vocabulary,
            self.options.model_copy(update={"loss": "cross-entropy"}),
        )

    @cached_property
    def entropy_floor(self) -> float:
        """What the reference itself finds its completions, in nats per token."""
        return float(self.entropies.floors.double().mean())

    def losses(self, prefix: Sequence[int]) -> Float[Tensor, " items"]:
        """The loss of a prefix with each suffix."""
        return self.objective.losses(_alone(prefix), range(len(self.items)))[0].double().cpu()

    def entropy(self, prefix: Sequence[int]) -> float:
        """Mean −log p of the reference completions, weighted as losses are, in nats per token."""
        losses = self.entropies.losses(_alone(prefix), range(len(self.items)))
        return float(losses.double().mean())


def _alone(prefix: Sequence[int]) -> Tensor:
    return torch.tensor([list(prefix)], dtype=torch.long)
