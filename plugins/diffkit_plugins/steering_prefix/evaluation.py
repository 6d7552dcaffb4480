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
    """Shares, from 0 to 1, of completions that agree with their references."""

    exact: float
    """Completions that equal their reference."""
    exact_first: float
    """Completions whose first K tokens equal those of their reference (exact@K)."""
    tokens: float
    """Mean token match rate: positions with equal tokens, of those of the longer one."""


def compare_completions(
    references: Sequence[TokenIds], completions: Sequence[TokenIds], first: int
) -> Agreement:
    """Compares completions with references, position by position.

    Args:
        references: token ids; at least one.
        completions: as many.
        first: K; shorter completions must be equal.

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
    """Share of positions of the longer one with equal tokens in both; 1 if both are empty."""
    longest = max(len(one), len(other))
    same = sum(a == b for a, b in zip(one, other, strict=False))
    return same / longest if longest else 1.0


def _mean(values: Sequence[float | bool]) -> float:
    return sum(values) / len(values)


@dataclass(frozen=True)
class CompletionHalf:
    """One half of the suffixes, with their reference completions."""

    half: SplitHalf
    items: tuple[SuffixItem, ...]
    cross_entropy: CompletionObjective
    """The same suffixes with the notebook's loss, −log p of the reference completions."""

    @classmethod
    def of(
        cls,
        problem: PrefixProblem,
        objective: CompletionObjective,
        items: tuple[SuffixItem, ...],
        options: CompletionOptions,
    ) -> "CompletionHalf":
        """Builds one half of a problem.

        Args:
            problem: a problem with suffixes.
            objective: of the half.
            items: of the half.
            options: of the search.
        """
        cross_entropy = CompletionObjective(
            problem.model,
            problem.layout,
            objective.slots,
            objective.references,
            vocabulary=problem.vocabulary,
            options=options.model_copy(update={"loss": "cross-entropy"}),
        )
        return cls(SplitHalf(objective), items, cross_entropy)

    def prompts(self, prefix: Sequence[int]) -> list[tuple[int, ...]]:
        """Prompts with a prefix before each suffix; an empty prefix is none."""
        return [item.slot.prompt(prefix) for item in self.items]

    @property
    def references(self) -> tuple[Continuation, ...]:
        """The reference completion of each suffix."""
        return tuple(item.reference.continuation for item in self.items)

    @cached_property
    def entropy_floor(self) -> float:
        """Mean −log p of the reference completions by the reference itself, in nats per token."""
        return float(self.cross_entropy.floors.double().mean())

    def entropy(self, prefix: Sequence[int]) -> float:
        """Mean −log p of the reference completions, weighted as losses are, in nats per token."""
        return SplitHalf(self.cross_entropy).loss(prefix)


@dataclass(frozen=True)
class HalfEvaluation:
    """The evaluation of a prefix on one half of the suffixes."""

    losses: Float[Tensor, " items"]
    """In nats per token."""
    entropy: float
    """Mean −log p of the reference completions, in nats per token."""
    completions: tuple[Continuation, ...]
    """The greedy completion after each suffix."""
    greedy: Agreement | None
    """Agreement of these with the reference completions; none if no reference says anything."""
    sampled: Agreement | None
    """Agreement of sampled completions with those of the reference, both with the same random
    numbers; none if none were sampled, or no reference says anything."""

    @property
    def loss(self) -> float:
        """Mean loss."""
        return float(self.losses.mean())


@dataclass(frozen=True)
class PrefixEvaluation:
    """The evaluation of a prefix on both halves."""

    name: str
    text: str
    """The prefix as text; empty for none."""
    ids: tuple[int, ...]
    training: HalfEvaluation
    held_out: HalfEvaluation


@dataclass(frozen=True)
class PrefixEvaluator:
    """Evaluates prefixes of a problem on both halves of its suffixes."""

    problem: PrefixProblem
    training: CompletionHalf
    held_out: CompletionHalf
    reference: Model
    """The model whose completions a prefix has to reproduce."""
    reference_prefix: str
    """The prefix that the reference model reads; may be empty."""
    options: CompletionOptions
    seed: int

    @classmethod
    def of(
        cls,
        problem: PrefixProblem,
        reference: Model,
        reference_prefix: str,
        options: CompletionOptions,
        seed: int,
    ) -> "PrefixEvaluator":
        """Builds the evaluator of a problem with suffixes."""
        training = CompletionHalf.of(problem, problem.training, problem.training_items, options)
        held_out = CompletionHalf.of(problem, problem.held_out, problem.held_out_items, options)
        return cls(problem, training, held_out, reference, reference_prefix, options, seed)

    def tokenise(self, words: str) -> tuple[int, ...]:
        """Token ids of a prefix in words, in its position before the first held-out suffix."""
        return self.problem.layout.prefix(words, self.held_out.items[0].slot)

    def evaluate(self, name: str, ids: Sequence[int]) -> PrefixEvaluation:
        """Evaluates a prefix.

        Args:
            name: of the prefix, for tables.
            ids: the prefix; empty for none.
        """
        prompts = self.training.prompts(ids), self.held_out.prompts(ids)
        completions = self._generator.generate_greedy([*prompts[0], *prompts[1]])
        count = len(prompts[0])
        return PrefixEvaluation(
            name,
            self.problem.training.words(ids),
            tuple(ids),
            self._result(self.training, ids, completions[:count], None),
            self._result(self.held_out, ids, completions[count:], self._sampled(prompts[1])),
        )

    def _result(
        self,
        half: CompletionHalf,
        ids: Sequence[int],
        completions: tuple[Continuation, ...],
        sampled: Agreement | None,
    ) -> HalfEvaluation:
        greedy = self._agreement(half.references, completions)
        return HalfEvaluation(
            half.half.losses(ids), half.entropy(ids), completions, greedy, sampled
        )

    def _sampled(self, prompts: Prompts) -> Agreement | None:
        if not self.options.sampled:
            return None
        return self._agreement(
            self._reference_samples, self._generator.generate_sampled(prompts, self.seed)
        )

    @property
    def _generator(self) -> ContinuationGenerator:
        return ContinuationGenerator(self.problem.model, self.problem.vocabulary, self.options)

    @cached_property
    def _reference_samples(self) -> tuple[Continuation, ...]:
        layout, slots = self.problem.layout, [item.slot for item in self.held_out.items]
        prompts = [slot.prompt(layout.prefix(self.reference_prefix, slot)) for slot in slots]
        generator = ContinuationGenerator(self.reference, self.problem.vocabulary, self.options)
        return generator.generate_sampled(prompts, self.seed)

    def _agreement(
        self, references: Sequence[Continuation], completions: Sequence[Continuation]
    ) -> Agreement | None:
        """Of the references that say something: nothing agrees with nothing without a search."""
        both = [row for row in zip(references, completions, strict=True) if row[0].says_something]
        if not both:
            return None
        expected, found = ([one.ids for one in each] for each in zip(*both, strict=True))
        return compare_completions(expected, found, self.options.exact_tokens)
