"""Steering: text generated with a direction added to the residual stream.

Takes directions and prompts. Gives completions at the largest strength at which they stay
coherent, and how coherent they are.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean

import torch

from diffkit import (
    Completion,
    Inputs,
    Model,
    ModelPair,
    PromptStart,
    Sampling,
    Texts,
    prompt_starts,
)
from diffkit.analysis import ContinuationBatch
from diffkit_plugins.activation_lens.config import ActivationLensConfig
from diffkit_plugins.activation_lens.mean_shift import Direction

_DOCUMENT_TOKENS = 6
"""Tokens of a document's prompt, about enough for its subject."""


@dataclass(frozen=True)
class Coherence:
    """How coherent one completion is."""

    distinct: float
    """Distinct pairs of neighbours over all such pairs, from 0 to 1: the smaller of the share of
    words' pairs and that of tokens' pairs, since a text without spaces is one word."""
    log_likelihood: float
    """Mean log likelihood of the tokens under the base, in nats; 0 for an empty completion."""

    def repeats(self, limit: float) -> bool:
        """Whether more than the share ``limit`` of its pairs repeat an earlier one."""
        return self.distinct < 1 - limit

    def is_close_to(self, reference: "Coherence", config: ActivationLensConfig) -> bool:
        """Whether the completion is nearly as coherent as unsteered text after the same prompt.

        The likelihood alone does not tell: a repetition is likely to the base once it has begun.
        """
        distinct = self.distinct >= config.steering_distinct * reference.distinct
        likely = self.log_likelihood >= reference.log_likelihood - config.steering_nats
        return distinct and likely and not self.repeats(config.steering_repetition)


def measure_coherence(
    base: Model, prompts: Sequence[PromptStart], completions: Sequence[Completion]
) -> tuple[Coherence, ...]:
    """Tokenises completions and measures their coherence.

    Args:
        base: the model that gives the log likelihood.
        prompts: the prompts of the completions.
        completions: one completion for each prompt.
    """
    encode = base.tokenizer
    answers = [encode(c.text, add_special_tokens=False).input_ids for c in completions]
    batch = ContinuationBatch.of([prompt.ids for prompt in prompts], answers)
    likelihoods = batch.split(batch.score(base, base.vocabulary).double())
    return tuple(
        Coherence(
            min(distinct_bigrams(completion.text.split()), distinct_bigrams(ids)),
            fmean(each.tolist()) if len(each) else 0.0,
        )
        for completion, ids, each in zip(completions, answers, likelihoods, strict=True)
    )


def distinct_bigrams(units: Sequence[str] | Sequence[int]) -> float:
    """Distinct pairs of neighbours over all such pairs (distinct-2; Li and others 2016).

    Args:
        units: words or tokens.

    Returns:
        1 for a single one and 0 for none.
    """
    pairs = list(pairwise(units))
    return len(set(pairs)) / len(pairs) if pairs else float(len(units))


@dataclass(frozen=True)
class SteeredCompletions:
    """The completions of all prompts, steered along a direction."""

    direction: Direction
    strength: float
    """Length of the added vector, in multiples of the base's typical norm."""
    completions: tuple[Completion, ...]
    """One for each prompt."""
    coherences: tuple[Coherence, ...]
    """One for each completion."""


@dataclass(frozen=True)
class SteeringResult:
    """A direction at the largest coherent strength, and a control at the same strength."""

    steered: SteeredCompletions
    control: SteeredCompletions
    """Completions steered along a random direction."""


def steering_prompts(
    side: Model, texts: Texts, config: ActivationLensConfig
) -> tuple[PromptStart, ...]:
    """The prompts of steered text: users' turns and beginnings of documents."""
    count = config.steering_prompts
    return prompt_starts(
        side.tokenizer,
        texts,
        turns=count,
        documents=count,
        tokens=_DOCUMENT_TOKENS,
        max_tokens=config.max_tokens,
    )


def complete(side: Model, prompts: Sequence[PromptStart], tokens: int) -> tuple[Completion, ...]:
    """Generates greedy completions, one for each prompt.

    Args:
        side: the model that generates; its active edits apply.
        prompts: the prompts.
        tokens: largest length of a completion.
    """
    rows = [prompt.ids for prompt in prompts]
    inputs = Inputs.of(rows, side="left")
    words = [prompt.text for prompt in prompts]
    return side.generate_from(inputs, Sampling(max_new_tokens=tokens), prompts=words)


def steer(
    side: Model, direction: Direction, strength: float, prompts: Sequence[PromptStart], tokens: int
) -> tuple[Completion, ...]:
    """Generates greedy completions with the direction added at every position.

    Args:
        side: the model that generates.
        direction: the direction to add.
        strength: length of the added vector, in multiples of the base's typical norm; a negative
            one subtracts.
        prompts: the prompts, whose positions are steered too.
        tokens: largest length of a completion.
    """
    added = direction.vector(strength, side)
    with side.edit(direction.layer, lambda stream: stream + added):
        return complete(side, prompts, tokens)


class SteeringSearch:
    """Finds the largest strength at which one side's completions of fixed prompts stay coherent."""

    def __init__(
        self, pair: ModelPair, prompts: Sequence[PromptStart], config: ActivationLensConfig
    ) -> None:
        self.prompts = prompts
        self._side = pair.base if config.steered == "base" else pair.finetuned
        self._base, self._config = pair.base, config
        self.unsteered = complete(self._side, prompts, config.steering_tokens)
        self.references = measure_coherence(pair.base, prompts, self.unsteered)

    def steer(self, direction: Direction, strength: float) -> SteeredCompletions:
        """Completes all prompts at one strength."""
        tokens = self._config.steering_tokens
        completions = steer(self._side, direction, strength, self.prompts, tokens)
        return SteeredCompletions(
            direction,
            strength,
            completions,
            measure_coherence(self._base, self.prompts, completions),
        )

    def find_strongest(
        self, direction: Direction, generator: torch.Generator
    ) -> SteeringResult | None:
        """Finds the largest coherent strength by bisection; None if not even the least is.

        Bisection assumes that more strength never makes an incoherent text coherent.

        Args:
            direction: the direction.
            generator: the generator of the random control.
        """
        strengths = sorted(self._config.steering_strengths)
        low, high, best = 0, len(strengths), None
        while low < high:
            middle = (low + high) // 2
            steered = self.steer(direction, strengths[middle])
            if self.coherent_share(steered) >= self._config.steering_coherent:
                low, best = middle + 1, steered
            else:
                high = middle
        control = direction.random(generator)
        return None if best is None else SteeringResult(best, self.steer(control, best.strength))

    def coherent_share(self, steered: SteeredCompletions) -> float:
        """Share of completions that are nearly as coherent as the unsteered ones.

        Prompts after which unsteered text repeats itself are left out; 0 if that leaves none.
        """
        both = zip(steered.coherences, self.references, strict=True)
        limit = self._config.steering_repetition
        judged = [
            own.is_close_to(reference, self._config)
            for own, reference in both
            if not reference.repeats(limit)
        ]
        return fmean(judged) if judged else 0.0
