"""A model that goes on from prompts."""

from collections.abc import Sequence
from dataclasses import dataclass

from diffkit import Model, Sampling
from diffkit_plugins.steering_prefix.completing import Continuation, complete
from diffkit_plugins.steering_prefix.search_options import CompletionOptions

Prompts = Sequence[tuple[int, ...]]


@dataclass(frozen=True)
class Speaker:
    """A model, and how long it speaks."""

    model: Model
    vocabulary: int
    """Tokens from here on are never said."""
    options: CompletionOptions

    def likeliest(self, prompts: Prompts) -> tuple[Continuation, ...]:
        """The likeliest completion of each prompt, given as token ids."""
        sampling = Sampling(max_new_tokens=self.options.completion_tokens)
        return self._complete(prompts, sampling)

    def drawn(self, prompts: Prompts, seed: int) -> tuple[Continuation, ...]:
        """Completions drawn at temperature 1, ``options.sampled`` of each prompt.

        The draws depend on the seed and the place in the list, so two models that expect the same
        say the same.
        """
        tokens = self.options.completion_tokens
        sampling = Sampling(max_new_tokens=tokens, temperature=1.0, seed=seed)
        return self._complete([*prompts] * self.options.sampled, sampling)

    def _complete(self, prompts: Prompts, sampling: Sampling) -> tuple[Continuation, ...]:
        done: list[Continuation] = []
        size = self.options.batch_size
        for start in range(0, len(prompts), size):
            batch = prompts[start : start + size]
            numbers = range(start, start + len(batch))
            done += complete(
                self.model, batch, sampling, vocabulary=self.vocabulary, numbers=numbers
            )
        return tuple(done)
