"""Steering: text with a direction added to the residual stream at every position."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

import torch

from diffkit import Completion, Inputs, Model, ModelPair, Opening, Sampling, Texts, openings
from diffkit_plugins.activation_lens.coherence import Coherence, coherences
from diffkit_plugins.activation_lens.config import ActivationLensConfig
from diffkit_plugins.activation_lens.direction import Direction

_OPENING = 6
"""Tokens of a document that are given: its subject and no more."""


@dataclass(frozen=True)
class Steered:
    """What is said along a direction."""

    direction: Direction
    strength: float
    """Length of what is added, in multiples of the base's typical norm."""
    completions: tuple[Completion, ...]
    """One for each prompt."""
    coherences: tuple[Coherence, ...]
    """Of these."""


@dataclass(frozen=True)
class Steering:
    """One direction at the largest strength that stays coherent, beside its control."""

    steered: Steered
    control: Steered
    """A random direction at the same strength."""


def prompts_of(side: Model, texts: Texts, config: ActivationLensConfig) -> tuple[Opening, ...]:
    """What steered text goes on from: openings of every kind."""
    count = config.steering_prompts
    return openings(
        side.tokenizer,
        texts,
        turns=count,
        documents=count,
        tokens=_OPENING,
        max_tokens=config.max_tokens,
    )


def say(side: Model, prompts: Sequence[Opening], tokens: int) -> tuple[Completion, ...]:
    """Likeliest continuations, one for each prompt.

    Args:
        side: who speaks; edits in force are made.
        prompts: what is gone on from.
        tokens: length of a continuation at most.
    """
    rows = [prompt.ids for prompt in prompts]
    inputs = Inputs.of(rows, side="left", pad=side.tokenizer.pad_token_id or 0)
    words = [prompt.words for prompt in prompts]
    return side.generate_from(inputs, Sampling(max_new_tokens=tokens), prompts=words)


def steer(
    side: Model, direction: Direction, strength: float, prompts: Sequence[Opening], tokens: int
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
        return say(side, prompts, tokens)


class Steerer:
    """Steers one side after the same prompts, again and again."""

    def __init__(
        self, pair: ModelPair, prompts: Sequence[Opening], config: ActivationLensConfig
    ) -> None:
        self.prompts = prompts
        self._side = pair.base if config.steered == "base" else pair.finetuned
        self._base, self._config = pair.base, config
        self.unsteered = say(self._side, prompts, config.steering_tokens)
        self.references = coherences(pair.base, prompts, self.unsteered)

    def at(self, direction: Direction, strength: float) -> Steered:
        """What is said at one strength."""
        tokens = self._config.steering_tokens
        said = steer(self._side, direction, strength, self.prompts, tokens)
        return Steered(direction, strength, said, coherences(self._base, self.prompts, said))

    def strongest(self, direction: Direction, generator: torch.Generator) -> Steering | None:
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
        return None if best is None else Steering(best, self.at(other, best.strength))

    def coherent_share(self, steered: Steered) -> float:
        """Share of continuations about as distinct and as likely to the base as unsteered ones."""
        least, most = self._config.steering_distinct, self._config.steering_nats
        both = zip(steered.coherences, self.references, strict=True)
        return fmean(own.bears(reference, least, most) for own, reference in both)
