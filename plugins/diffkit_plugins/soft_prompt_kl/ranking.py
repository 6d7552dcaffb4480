"""What each side says under the prompt, ranked by what both think of it without the prompt.

A soft prompt can have any model say almost anything, so what a side says under it is evidence only
as far as that side finds it likelier than the other where there is no prompt.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor

from diffkit import ModelPair
from diffkit_plugins.soft_prompt_kl.completing import complete
from diffkit_plugins.soft_prompt_kl.config import SoftPromptKLConfig
from diffkit_plugins.soft_prompt_kl.passages import Passage
from diffkit_plugins.soft_prompt_kl.reading import read

Speaker = Literal["finetuned", "base"]
"""Whose completions are ranked."""
NAMES = {"finetuned": ("finetuned side", "base"), "base": ("base", "finetuned side")}
"""What the speaker is called, and the other side."""


@dataclass(frozen=True)
class Said:
    """A passage, and what both sides think of it without the prompt."""

    passage: Passage
    ratios: Float[Tensor, " tokens"]
    """Log probability to who said it less that to the other side, of each token that counts,
    without the prompt, in nats."""

    @property
    def total(self) -> float:
        """The passage's log-likelihood ratio, in nats."""
        return float(self.ratios.double().sum())


@dataclass(frozen=True)
class Both:
    """How both sides went on from one context with the same draws."""

    said: Said
    """By the side whose completions are ranked."""
    other: Passage
    """By the other side."""


def ranked(
    pair: ModelPair,
    config: SoftPromptKLConfig,
    passages: Sequence[Passage],
    speaker: Speaker = "finetuned",
) -> tuple[Said, ...]:
    """What a side said, the largest ratio first.

    Args:
        pair: both sides.
        config: the options.
        passages: its completions.
        speaker: which side that is.
    """
    sign = 1 if speaker == "finetuned" else -1
    ratios = (sign * one for one in log_ratios(pair, config, passages))
    said = [Said(*one) for one in zip(passages, ratios, strict=True)]
    return tuple(sorted(said, key=lambda one: -one.total))


def beside_base(
    pair: ModelPair,
    config: SoftPromptKLConfig,
    prompt: Float[Tensor, "length hidden"] | None,
    said: Sequence[Said],
    seed: int,
) -> tuple[Both, ...]:
    """What the base says in the same contexts, with the same draws.

    Args:
        pair: both sides.
        config: the options.
        prompt: what the finetuned side read before each context; none: nothing.
        said: its completions of contexts.
        seed: the one that they were drawn from.
    """
    contexts = [one.passage.context for one in said if one.passage.context is not None]
    base = complete(pair.base, prompt, contexts, config, seed, pair.vocabulary)
    return tuple(Both(*one) for one in zip(said, base, strict=True))


def log_ratios(
    pair: ModelPair, config: SoftPromptKLConfig, passages: Sequence[Passage]
) -> list[Float[Tensor, " tokens"]]:
    """Log p finetuned − log p base of each token that counts, in nats, both reading no prompt."""
    return [each[:, 0] for each in read(pair, config, None, passages, _log_ratio)]


def _log_ratio(
    log_p: Float[Tensor, "chunk vocabulary"],
    log_q: Float[Tensor, "chunk vocabulary"],
    came: Int[Tensor, " chunk"],
) -> Float[Tensor, "chunk 1"]:
    p, q = (side.gather(-1, came[:, None]) for side in (log_p, log_q))
    return torch.where(p == q, 0.0, p - q)  # both may rule a token out
