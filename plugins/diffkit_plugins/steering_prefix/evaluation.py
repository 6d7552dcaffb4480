"""Evaluation of prefixes on both halves of the suffixes: losses and generated completions.

Takes a problem and a prefix. Gives losses, cross-entropy, and the agreement of greedy and sampled
completions with those of the reference.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from jaxtyping import Float
from torch import Tensor

from diffkit import Model
from diffkit_plugins.steering_prefix.baselines import SplitHalf
from diffkit_plugins.steering_prefix.config import CompletionOptions
from diffkit_plugins.steering_prefix.objectives.completion import CompletionObjective
from diffkit_plugins.steering_prefix.problem import PrefixProblem, SuffixItem
from diffkit_plugins.steering_prefix.prompts.references import (
    Continuation,
    ContinuationGenerator,
    Prompts,
)

TokenIds = Sequence[int]


@dataclass(frozen=True)
class Agreement:
    """Shares from 0 to 1 over completions, each beside its reference."""

    exact: float
    """Completions that are their reference."""
    exact_first: float
    """Completions whose first K tokens are their reference's (exact@K)."""
    tokens: float
    """Token match rate: places with the same token in both, of the longer one's; their mean."""


def compare_completions(
    references: Sequence[TokenIds], completions: Sequence[TokenIds], first: int
) -> Agreement:
    """Compares completions with references, place by place.

    Args:
        references: token ids; at least one.
        completions: as many.
        first: K; shorter completions must agree whole.

    Raises:
        ValueError: their numbers differ, or there are none.
    """
    both = list(zip(references, completions, strict=True))
    if not both:
        msg = "there is nothing to compare"
        raise ValueError(msg)
    return Agreement(
        exact=_mean([tuple(one) == tuple(other) for one, other in both]),
        exact_first=_mean([tuple(one[:first]) == tuple(other[:first]) for one, other in both]),
        tokens=_mean([token_match_rate(one, other) for one, other in both]),
    )


def token_match_rate(one: TokenIds, other: TokenIds) -> float:
    """Share of the longer one's places in which both have the same token; 1 if both are empty."""
    longest = max(len(one), len(other))
    same = sum(a == b for a, b in zip(one, other, strict=False))
    return same / longest if longest else 1.0


def _mean(values: Sequence[float | bool]) -> float:
    return sum(values) / len(values)


@dataclass(frozen=True)
class CompletionHalf:
    """Suffixes with the completions that are to follow them."""

    half: SplitHalf
    items: tuple[SuffixItem, ...]
    entropies: CompletionObjective
    """The same suffixes with the notebook's loss, −log p of the reference completions."""

    @classmethod
    def of(
        cls,
        problem: PrefixProblem,
        objective: CompletionObjective,
        items: tuple[SuffixItem, ...],
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
        return cls(SplitHalf(objective), items, entropies)

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
        return SplitHalf(self.entropies).loss(prefix)


@dataclass(frozen=True)
class HalfEvaluation:
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
class PrefixEvaluation:
    """A prefix on both halves."""

    name: str
    text: str
    """The prefix as it reads; empty for none."""
    ids: tuple[int, ...]
    training: HalfEvaluation
    held_out: HalfEvaluation


@dataclass(frozen=True)
class PrefixEvaluator:
    """What prefixes are held against."""

    problem: PrefixProblem
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
        cls,
        problem: PrefixProblem,
        reference: Model,
        words: str,
        options: CompletionOptions,
        seed: int,
    ) -> "PrefixEvaluator":
        """With both halves of a problem that has suffixes."""
        training = CompletionHalf.of(problem, problem.training, problem.training_items, options)
        held_out = CompletionHalf.of(problem, problem.held_out, problem.held_out_items, options)
        return cls(problem, training, held_out, reference, words, options, seed)

    def given(self, words: str) -> tuple[int, ...]:
        """Token ids of a prefix in words, as they stand before the first held-out suffix."""
        return self.problem.layout.prefix(words, self.held_out.items[0].place)

    def standing(self, name: str, ids: Sequence[int]) -> PrefixEvaluation:
        """How a prefix does.

        Args:
            name: what it is called.
            ids: the prefix; empty for none.
        """
        decode = self.problem.model.tokenizer.decode
        prompts = self.training.prompts(ids), self.held_out.prompts(ids)
        said = self._speaker.likeliest([*prompts[0], *prompts[1]])
        count = len(prompts[0])
        return PrefixEvaluation(
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
    ) -> HalfEvaluation:
        greedy = self._agreement(half.references, said)
        return HalfEvaluation(half.half.losses(ids), half.entropy(ids), said, greedy, sampled)

    def _sampled(self, prompts: Prompts) -> Agreement | None:
        if not self.options.sampled:
            return None
        return self._agreement(self._drawn, self._speaker.drawn(prompts, self.seed))

    @property
    def _speaker(self) -> ContinuationGenerator:
        return ContinuationGenerator(self.problem.model, self.problem.vocabulary, self.options)

    @cached_property
    def _drawn(self) -> tuple[Continuation, ...]:
        layout, places = self.problem.layout, [item.place for item in self.held_out.items]
        prompts = [place.prompt(layout.prefix(self.words, place)) for place in places]
        speaker = ContinuationGenerator(self.reference, self.problem.vocabulary, self.options)
        return speaker.drawn(prompts, self.seed)

    def _agreement(
        self, references: Sequence[Continuation], completions: Sequence[Continuation]
    ) -> Agreement:
        expected, found = ([one.ids for one in each] for each in (references, completions))
        return compare_completions(expected, found, self.options.exact_tokens)
