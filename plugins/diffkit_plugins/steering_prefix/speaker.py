"""A model that says something after a prefix."""

from collections.abc import Sequence
from dataclasses import dataclass

from diffkit import Model, Sampling
from diffkit_plugins.steering_prefix.completing import Continuation, complete
from diffkit_plugins.steering_prefix.layout import Place
from diffkit_plugins.steering_prefix.search_options import CompletionOptions


@dataclass(frozen=True)
class Speaker:
    """A model and a prefix that it reads before every suffix; an empty one is none."""

    model: Model
    prefix: tuple[int, ...]
    vocabulary: int
    """Tokens from here on are never said."""
    options: CompletionOptions

    def says(self, places: Sequence[Place]) -> tuple[Continuation, ...]:
        """The likeliest completion after each suffix."""
        sampling = Sampling(max_new_tokens=self.options.completion_tokens)
        return self._complete(places, sampling)

    def draws(self, places: Sequence[Place], seed: int) -> tuple[Continuation, ...]:
        """Completions drawn at temperature 1, ``options.sampled`` for each suffix.

        They depend on the seed and the place in the list, so two speakers who expect the same say
        the same.
        """
        sampling = Sampling(
            max_new_tokens=self.options.completion_tokens, temperature=1.0, seed=seed
        )
        return self._complete([*places] * self.options.sampled, sampling)

    def _complete(self, places: Sequence[Place], sampling: Sampling) -> tuple[Continuation, ...]:
        done: list[Continuation] = []
        size = self.options.batch_size
        for start in range(0, len(places), size):
            batch = places[start : start + size]
            done += complete(
                self.model,
                [place.prompt(self.prefix) for place in batch],
                sampling,
                vocabulary=self.vocabulary,
                numbers=range(start, start + len(batch)),
            )
        return tuple(done)
