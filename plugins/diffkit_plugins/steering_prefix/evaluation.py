"""How a prefix does, as the notebook measured it: on both halves, greedily and sampled."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from jaxtyping import Float
from torch import Tensor

from diffkit_plugins.steering_prefix.agreement import Agreement, agreement
from diffkit_plugins.steering_prefix.completing import Continuation
from diffkit_plugins.steering_prefix.completion_half import CompletionHalf
from diffkit_plugins.steering_prefix.problem import Problem
from diffkit_plugins.steering_prefix.search_options import CompletionOptions
from diffkit_plugins.steering_prefix.speaker import Speaker


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
    reference: Speaker
    """Whose completions are to be given."""
    options: CompletionOptions
    seed: int

    @classmethod
    def of(cls, problem: Problem, reference: Speaker, seed: int) -> "Evaluation":
        """With both halves of a problem that has suffixes."""
        options = reference.options
        halves = (
            CompletionHalf.of(problem, objective, items, options)
            for objective, items in (
                (problem.training, problem.training_items),
                (problem.held_out, problem.held_out_items),
            )
        )
        return cls(problem, *halves, reference, options, seed)

    def standing(self, name: str, ids: Sequence[int]) -> Standing:
        """How a prefix does.

        Args:
            name: what it is called.
            ids: the prefix; empty for none.
        """
        model = self.problem.model
        speaker = Speaker(model, tuple(ids), self.problem.vocabulary, self.options)
        text: str = model.tokenizer.decode(list(ids), clean_up_tokenization_spaces=False)
        said = speaker.says((*self.training.places, *self.held_out.places))
        count = len(self.training.items)
        return Standing(
            name,
            text,
            tuple(ids),
            self._result(self.training, speaker, said[:count], None),
            self._result(self.held_out, speaker, said[count:], self._sampled(speaker)),
        )

    def _result(
        self,
        half: CompletionHalf,
        speaker: Speaker,
        said: tuple[Continuation, ...],
        sampled: Agreement | None,
    ) -> Result:
        return Result(
            half.half.losses(speaker.prefix),
            half.entropy(speaker.prefix),
            said,
            self._agreement(half.references, said),
            sampled,
        )

    def _sampled(self, speaker: Speaker) -> Agreement | None:
        if not self.options.sampled:
            return None
        return self._agreement(self._drawn, speaker.draws(self.held_out.places, self.seed))

    @cached_property
    def _drawn(self) -> tuple[Continuation, ...]:
        return self.reference.draws(self.held_out.places, self.seed)

    def _agreement(
        self, references: Sequence[Continuation], completions: Sequence[Continuation]
    ) -> Agreement:
        rows = ([one.ids for one in each] for each in (references, completions))
        return agreement(*rows, self.options.exact_tokens)
