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
from diffkit.maths import token_log_probabilities
from diffkit_plugins.activation_lens.config import ActivationLensConfig
from diffkit_plugins.activation_lens.mean_shift import Direction


@dataclass(frozen=True)
class Coherence:
    """Of one completion."""

    distinct: float
    """Share of its pairs of neighbouring words that are distinct, from 0 to 1."""
    log_likelihood: float
    """The base's mean log likelihood of its tokens, in nats; 0 where it has none."""

    def bears(self, reference: "Coherence", least_distinct: float, most_nats: float) -> bool:
        """Whether it is nearly as good as a reference.

        Args:
            reference: that of unsteered text after the same prompt.
            least_distinct: share of the reference's distinct pairs that must be left.
            most_nats: how much less likely than the reference's a token may be, in nats.
        """
        kept = self.distinct >= least_distinct * reference.distinct
        return kept and self.log_likelihood >= reference.log_likelihood - most_nats


def measure_coherence(
    base: Model, prompts: Sequence[PromptStart], completions: Sequence[Completion]
) -> tuple[Coherence, ...]:
    """Measures completions, which are tokenised again.

    Args:
        base: the model that says how likely they are.
        prompts: what they go on from.
        completions: one for each.
    """
    encode, pad = base.tokenizer, base.tokenizer.pad_token_id or 0
    said = [encode(c.text, add_special_tokens=False).input_ids for c in completions]
    rows = [[*prompt.ids, *ids] for prompt, ids in zip(prompts, said, strict=True)]
    inputs, longest = Inputs.of(rows, side="left", pad=pad), max(len(ids) for ids in said)
    assert inputs.ids is not None  # noqa: S101 - made of ids
    logits = base.logits(inputs, keep=longest + 1)[:, :-1]  # the last predicts what was not said
    wanted = inputs.ids[:, inputs.ids.shape[1] - longest :]
    each = token_log_probabilities(logits, wanted, base.vocabulary).double().tolist()
    ends = [row[longest - len(ids) :] for row, ids in zip(each, said, strict=True)]
    return tuple(
        Coherence(distinct_bigrams(completion.text), fmean(end) if end else 0.0)
        for completion, end in zip(completions, ends, strict=True)
    )


def distinct_bigrams(text: str) -> float:
    """Distinct pairs of neighbouring words over all such pairs (Li and others 2016, distinct-2).

    1 for a single word, which cannot repeat itself; 0 for no word, which is no language.
    """
    words = text.split()
    pairs = list(pairwise(words))
    return len(set(pairs)) / len(pairs) if pairs else float(bool(words))


_DOCUMENT_TOKENS = 6
"""Tokens of a document that are given: its subject and no more."""


@dataclass(frozen=True)
class SteeredCompletions:
    """What is said along a direction."""

    direction: Direction
    strength: float
    """Length of what is added, in multiples of the base's typical norm."""
    completions: tuple[Completion, ...]
    """One for each prompt."""
    coherences: tuple[Coherence, ...]
    """Of these."""


@dataclass(frozen=True)
class SteeringResult:
    """One direction at the largest strength that stays coherent, beside its control."""

    steered: SteeredCompletions
    control: SteeredCompletions
    """A random direction at the same strength."""


def steering_prompts(
    side: Model, texts: Texts, config: ActivationLensConfig
) -> tuple[PromptStart, ...]:
    """What steered text goes on from: openings of every kind."""
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
    """Likeliest continuations, one for each prompt.

    Args:
        side: who speaks; edits in force are made.
        prompts: what is gone on from.
        tokens: length of a continuation at most.
    """
    rows = [prompt.ids for prompt in prompts]
    inputs = Inputs.of(rows, side="left", pad=side.tokenizer.pad_token_id or 0)
    words = [prompt.text for prompt in prompts]
    return side.generate_from(inputs, Sampling(max_new_tokens=tokens), prompts=words)


def steer(
    side: Model, direction: Direction, strength: float, prompts: Sequence[PromptStart], tokens: int
) -> tuple[Completion, ...]:
    """Likeliest continuations with the direction added at every position, the prompt's too.

    Args:
        side: who speaks.
        direction: what is added.
        strength: how much of it, in multiples of the base's typical norm; negative ones take away.
        prompts: what is gone on from.
        tokens: length of a continuation at most.
    """
    added = direction.vector(strength, side)
    with side.edit(direction.layer, lambda stream: stream + added):
        return complete(side, prompts, tokens)


class SteeringSearch:
    """Steers one side after the same prompts, again and again."""

    def __init__(
        self, pair: ModelPair, prompts: Sequence[PromptStart], config: ActivationLensConfig
    ) -> None:
        self.prompts = prompts
        self._side = pair.base if config.steered == "base" else pair.finetuned
        self._base, self._config = pair.base, config
        self.unsteered = complete(self._side, prompts, config.steering_tokens)
        self.references = measure_coherence(pair.base, prompts, self.unsteered)

    def at(self, direction: Direction, strength: float) -> SteeredCompletions:
        """What is said at one strength."""
        tokens = self._config.steering_tokens
        said = steer(self._side, direction, strength, self.prompts, tokens)
        return SteeredCompletions(
            direction, strength, said, measure_coherence(self._base, self.prompts, said)
        )

    def strongest(self, direction: Direction, generator: torch.Generator) -> SteeringResult | None:
        """The largest coherent strength, by bisection; none where even the least is not coherent.

        Bisection takes it that what is incoherent stays so with more strength.

        Args:
            direction: the direction.
            generator: what the random vector is drawn from.
        """
        strengths = sorted(self._config.steering_strengths)
        low, high, best = 0, len(strengths), None
        while low < high:
            middle = (low + high) // 2
            tried = self.at(direction, strengths[middle])
            if self.coherent_share(tried) >= self._config.steering_coherent:
                low, best = middle + 1, tried
            else:
                high = middle
        other = direction.random(generator)
        return None if best is None else SteeringResult(best, self.at(other, best.strength))

    def coherent_share(self, steered: SteeredCompletions) -> float:
        """Share of continuations about as distinct and as likely to the base as unsteered ones."""
        least, most = self._config.steering_distinct, self._config.steering_nats
        both = zip(steered.coherences, self.references, strict=True)
        return fmean(own.bears(reference, least, most) for own, reference in both)
