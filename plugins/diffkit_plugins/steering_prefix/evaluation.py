"""How a prefix does, as the notebook measured it: on both halves, greedily and sampled."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from jaxtyping import Float
from torch import Tensor

from diffkit import Model
from diffkit_plugins.steering_prefix.agreement import Agreement, agreement
from diffkit_plugins.steering_prefix.completing import Continuation
from diffkit_plugins.steering_prefix.completion_half import CompletionHalf
from diffkit_plugins.steering_prefix.problem import Problem
from diffkit_plugins.steering_prefix.search_options import CompletionOptions
from diffkit_plugins.steering_prefix.speaker import Prompts, Speaker


@dataclass(frozen=True)
class Result:
    """A prefix on one half of the suffixes."""

    losses: Float[Tensor, " items"]
    """In nats per token."""
    entropy: float
    """Mean −log p of the reference completions, in nats per token."""
    said: tuple[Continuation, ...]
    """The likeliest completion after each suffix."""
    greedy: Agreement
    """Of these with the reference completions."""
    sampled: Agreement | None
    """Of drawn completions with the reference's, both from the same random numbers; none where
    none were drawn."""

    @property
    def loss(self) -> float:
        """Mean loss."""
        return float(self.losses.mean())


@dataclass(frozen=True)
class Standing:
    """A prefix on both halves."""

    name: str
    text: str
    """The prefix as it reads; empty for none."""
    ids: tuple[int, ...]
    training: Result
    held_out: Result


@dataclass(frozen=True)
class Evaluation:
    """What prefixes are held against."""

    problem: Problem
    training: CompletionHalf
    held_out: CompletionHalf
    reference: Model
    """Whose completions are to be given."""
    words: str
    """The prefix that the reference has itself; may be empty."""
    options: CompletionOptions
    seed: int

    @classmethod
    def of(
        cls, problem: Problem, reference: Model, words: str, options: CompletionOptions, seed: int
    ) -> "Evaluation":
        """With both halves of a problem that has suffixes."""
        training = CompletionHalf.of(problem, problem.training, problem.training_items, options)
        held_out = CompletionHalf.of(problem, problem.held_out, problem.held_out_items, options)
        return cls(problem, training, held_out, reference, words, options, seed)

    def given(self, words: str) -> tuple[int, ...]:
        """Token ids of a prefix in words, as they stand before the first held-out suffix."""
        return self.problem.layout.prefix(words, self.held_out.items[0].place)

    def standing(self, name: str, ids: Sequence[int]) -> Standing:
        """How a prefix does.

        Args:
            name: what it is called.
            ids: the prefix; empty for none.
        """
        decode = self.problem.model.tokenizer.decode
        prompts = self.training.prompts(ids), self.held_out.prompts(ids)
        said = self._speaker.likeliest([*prompts[0], *prompts[1]])
        count = len(prompts[0])
        return Standing(
            name,
            decode(list(ids), clean_up_tokenization_spaces=False),
            tuple(ids),
            self._result(self.training, ids, said[:count], None),
            self._result(self.held_out, ids, said[count:], self._sampled(prompts[1])),
        )

    def _result(
        self,
        half: CompletionHalf,
        ids: Sequence[int],
        said: tuple[Continuation, ...],
        sampled: Agreement | None,
    ) -> Result:
        greedy = self._agreement(half.references, said)
        return Result(half.half.losses(ids), half.entropy(ids), said, greedy, sampled)

    def _sampled(self, prompts: Prompts) -> Agreement | None:
        if not self.options.sampled:
            return None
        return self._agreement(self._drawn, self._speaker.drawn(prompts, self.seed))

    @property
    def _speaker(self) -> Speaker:
        return Speaker(self.problem.model, self.problem.vocabulary, self.options)

    @cached_property
    def _drawn(self) -> tuple[Continuation, ...]:
        layout, places = self.problem.layout, [item.place for item in self.held_out.items]
        prompts = [place.prompt(layout.prefix(self.words, place)) for place in places]
        speaker = Speaker(self.reference, self.problem.vocabulary, self.options)
        return speaker.drawn(prompts, self.seed)

    def _agreement(
        self, references: Sequence[Continuation], completions: Sequence[Continuation]
    ) -> Agreement:
        expected, found = ([one.ids for one in each] for each in (references, completions))
        return agreement(expected, found, self.options.exact_tokens)
