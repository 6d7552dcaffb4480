"""Completions ranked by their log-likelihood ratio without the prompt, and words that carry it.

A soft prompt can have any model say almost anything. What a side says under it is evidence only as
far as that side finds it likelier than the other side does where there is no prompt.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from diffkit import ModelPair
from diffkit.analysis import WORD, word_concentration, words_by_excess
from diffkit_plugins.soft_prompt_kl.config import SoftPromptKLConfig
from diffkit_plugins.soft_prompt_kl.data import Passage
from diffkit_plugins.soft_prompt_kl.generation import complete
from diffkit_plugins.soft_prompt_kl.prediction import compare_predictions

Speaker = Literal["finetuned", "base"]
"""Whose completions are ranked."""

SPOKEN = "finetuned side"
"""The column of what the finetuned side says."""

NAMES = {"finetuned": (SPOKEN, "base"), "base": ("base", SPOKEN)}
"""What the speaker is called, and the other side."""


@dataclass(frozen=True)
class ScoredCompletion:
    """A passage with its log-likelihood ratio without the prompt."""

    passage: Passage
    ratios: Float[Tensor, " tokens"]
    """Log probability to who said it less that to the other side, of each token that counts,
    without the prompt, in nats."""

    @property
    def total(self) -> float:
        """The passage's log-likelihood ratio, in nats."""
        return float(self.ratios.double().sum())


@dataclass(frozen=True)
class CompletionPair:
    """Both sides' completions of one context with the same draws."""

    scored: ScoredCompletion
    """By the side whose completions are ranked."""
    other: Passage
    """By the other side."""


def rank_completions(
    pair: ModelPair,
    config: SoftPromptKLConfig,
    passages: Sequence[Passage],
    speaker: Speaker = "finetuned",
) -> tuple[ScoredCompletion, ...]:
    """A side's completions, the largest ratio first.

    Args:
        pair: both sides.
        config: the options.
        passages: its completions.
        speaker: which side that is.
    """
    sign = 1 if speaker == "finetuned" else -1
    ratios = (sign * one for one in log_ratios(pair, config, passages))
    completions = [ScoredCompletion(*one) for one in zip(passages, ratios, strict=True)]
    return tuple(sorted(completions, key=lambda one: -one.total))


def pair_with_base(
    pair: ModelPair,
    config: SoftPromptKLConfig,
    prompt: Float[Tensor, "length hidden"] | None,
    completions: Sequence[ScoredCompletion],
    seed: int,
) -> tuple[CompletionPair, ...]:
    """What the base says in the same contexts, with the same draws.

    Args:
        pair: both sides.
        config: the options.
        prompt: what the finetuned side read before each context; none: nothing.
        completions: its completions of contexts.
        seed: the one that they were drawn from.
    """
    contexts = [one.passage.context for one in completions if one.passage.context is not None]
    base = complete(pair.base, prompt, contexts, config, seed, pair.vocabulary)
    return tuple(CompletionPair(*one) for one in zip(completions, base, strict=True))


def log_ratios(
    pair: ModelPair, config: SoftPromptKLConfig, passages: Sequence[Passage]
) -> list[Float[Tensor, " tokens"]]:
    """Log p finetuned − log p base of each token that counts, in nats, both reading no prompt."""
    return [each[:, 0] for each in compare_predictions(pair, config, None, passages, _log_ratio)]


def _log_ratio(
    log_p: Float[Tensor, "chunk vocabulary"],
    log_q: Float[Tensor, "chunk vocabulary"],
    targets: Int[Tensor, " chunk"],
) -> Float[Tensor, "chunk 1"]:
    p, q = (side.gather(-1, targets[:, None]) for side in (log_p, log_q))
    return torch.where(p == q, 0.0, p - q)  # both may rule a token out


@dataclass(frozen=True)
class WordContribution:
    """A word in lower case, and its contribution to a completion's log-likelihood ratio."""

    word: str
    mean: float
    """The mean over all completions, in nats; one without the word contributes 0."""
    error: float
    """Its standard error, if completions are independent."""
    holders: int
    """The number of completions that contain it."""

    @property
    def low(self) -> float:
        """The mean less one standard error; 0 if only one completion contains the word."""
        return self.mean - self.error if self.holders > 1 else 0.0


def word_contributions(
    completions: Sequence[ScoredCompletion], tokenizer: Any
) -> tuple[WordContribution, ...]:
    """All words of two or more completions, the largest lower bound first.

    Args:
        completions: completions with their ratios.
        tokenizer: a transformers tokenizer.
    """
    sums: dict[str, list[float]] = {}
    for one in completions:
        for word, ratio in completion_words(one, tokenizer).items():
            sums.setdefault(word, []).append(ratio)
    found = [_word(word, values, len(completions)) for word, values in sums.items()]
    return tuple(sorted(found, key=lambda word: (-word.low, -word.mean, word.word)))


def completion_words(completion: ScoredCompletion, tokenizer: Any) -> dict[str, float]:
    """The ratio of each word of a completion, summed over its tokens and occurrences.

    A token belongs to the first word that it contains a piece of; punctuation to none.
    """
    ids = completion.passage.ids[completion.passage.start :]
    ends = [len(tokenizer.decode(ids[: place + 1])) for place in range(len(ids))]
    places = [(m.start(), m.end(), m[0].casefold()) for m in WORD.finditer(tokenizer.decode(ids))]
    found: dict[str, float] = {}
    start = 0
    for end, ratio in zip(ends, completion.ratios.tolist(), strict=True):
        word = next((word for first, last, word in places if first < end and start < last), None)
        if word is not None:
            found[word] = found.get(word, 0.0) + ratio
        start = end
    return found


def _word(word: str, values: Sequence[float], count: int) -> WordContribution:
    mean = sum(values) / count
    variance = max(sum(value * value for value in values) / count - mean * mean, 0.0)
    return WordContribution(word, mean, math.sqrt(variance / max(count - 1, 1)), len(values))


FEWEST = 3
"""The smallest number of completions of a word that counts: one of fewer may have a large ratio by
chance."""


def completion_concentration(completions: Sequence[ScoredCompletion]) -> float:
    """`word_concentration` of the completions' log-likelihood ratios without the prompt."""
    totals = np.array([one.total for one in completions], dtype=np.float64)
    words = words_by_excess([one.passage.words for one in completions], totals)
    return word_concentration(words, FEWEST)
