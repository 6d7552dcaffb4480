"""The most divergent completions token by token."""

from typing import Any

from jaxtyping import Float
from torch import Tensor

from diffkit import Candidate, ModelPair, TokenTrace, TracedToken, likeliest
from diffkit_plugins.soft_prompt_kl.config import SoftPromptKLConfig
from diffkit_plugins.soft_prompt_kl.measured import Measured, Parted
from diffkit_plugins.soft_prompt_kl.reading import states

CANDIDATES = 4
"""Likeliest tokens of each side shown at each token."""


def most_divergent(measured: Measured, count: int) -> tuple[Parted, ...]:
    """The passages with the largest mean divergence per token, no two with the same words."""
    ranked = sorted(
        (one for one in measured.parted if len(one.kl)), key=lambda one: -float(one.kl.mean())
    )
    distinct = {one.passage.words: one for one in reversed(ranked)}
    return tuple(one for one in ranked if distinct[one.passage.words] is one)[:count]


def traces(
    pair: ModelPair,
    config: SoftPromptKLConfig,
    prompt: Float[Tensor, "length hidden"],
    measured: Measured,
) -> tuple[TokenTrace, ...]:
    """A trace of each, with what both sides expected under the prompt.

    They are read again, one by one, so that measuring keeps no predictions.
    """
    shown = most_divergent(measured, config.traces)
    return tuple(_trace(pair, prompt, one, place) for place, one in enumerate(shown, 1))


def _trace(
    pair: ModelPair, prompt: Float[Tensor, "length hidden"], one: Parted, place: int
) -> TokenTrace:
    base, finetuned = (_expected(pair, side, prompt, one) for side in (pair.base, pair.finetuned))
    tokens = one.passage.ids[one.passage.start :]
    return TokenTrace(
        title=f"Where the sides part under the prompt, {place}: KL(finetuned‖base) of each token's "
        "prediction",
        unit="nats",
        tokens=tuple(
            TracedToken(token=pair.base.tokenizer.decode([token]), score=score, base=q, finetuned=p)
            for token, score, q, p in zip(tokens, one.kl.tolist(), base, finetuned, strict=True)
        ),
    )


def _expected(
    pair: ModelPair, side: Any, prompt: Float[Tensor, "length hidden"], one: Parted
) -> list[tuple[Candidate, ...]]:
    (read,) = states(side, prompt, [one.passage])
    probabilities = side.project(read)[:, : pair.vocabulary].float().softmax(dim=-1)
    return likeliest(pair.base.tokenizer, probabilities, CANDIDATES)
