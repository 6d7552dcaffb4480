"""One half of the suffixes, where a prefix is searched for by what is said after it."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from diffkit_plugins.steering_prefix.completing import Continuation
from diffkit_plugins.steering_prefix.completions import CompletionObjective
from diffkit_plugins.steering_prefix.depending import Item
from diffkit_plugins.steering_prefix.half import Half
from diffkit_plugins.steering_prefix.problem import Problem
from diffkit_plugins.steering_prefix.search_options import CompletionOptions


@dataclass(frozen=True)
class CompletionHalf:
    """Suffixes with the completions that are to follow them."""

    half: Half
    items: tuple[Item, ...]
    entropies: CompletionObjective
    """The same suffixes with the notebook's loss, −log p of the reference completions."""

    @classmethod
    def of(
        cls,
        problem: Problem,
        objective: CompletionObjective,
        items: tuple[Item, ...],
        options: CompletionOptions,
    ) -> "CompletionHalf":
        """A half of a problem.

        Args:
            problem: has suffixes.
            objective: of the half.
            items: of the half.
            options: of the search.
        """
        entropies = CompletionObjective(
            problem.model,
            problem.layout,
            objective.places,
            objective.references,
            vocabulary=problem.vocabulary,
            options=options.model_copy(update={"loss": "cross-entropy"}),
        )
        return cls(Half(objective), items, entropies)

    def prompts(self, prefix: Sequence[int]) -> list[tuple[int, ...]]:
        """A prefix before each suffix; an empty one is none."""
        return [item.place.prompt(prefix) for item in self.items]

    @property
    def references(self) -> tuple[Continuation, ...]:
        """What is to follow each."""
        return tuple(item.reference.continuation for item in self.items)

    @cached_property
    def entropy_floor(self) -> float:
        """What the reference itself finds its completions, in nats per token."""
        return float(self.entropies.floors.double().mean())

    def entropy(self, prefix: Sequence[int]) -> float:
        """Mean −log p of the reference completions, weighted as losses are, in nats per token."""
        return Half(self.entropies).loss(prefix)
