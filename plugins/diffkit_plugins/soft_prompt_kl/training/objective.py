"""What a soft prompt is trained for, at each token that counts.

Takes both sides' log probabilities. Gives the clipped divergence less the penalties for degenerate
optima: the base's change of prediction (`BasePredictions`), fluency, and unusual entropy.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from diffkit import ModelPair, UserError
from diffkit.maths import DIVERGENCES, Divergence, divergence
from diffkit_plugins.soft_prompt_kl.config import SoftPromptKLConfig
from diffkit_plugins.soft_prompt_kl.data import Passage, PromptData
from diffkit_plugins.soft_prompt_kl.generation import complete
from diffkit_plugins.soft_prompt_kl.prediction import compare_predictions, log_probabilities, states
from diffkit_plugins.soft_prompt_kl.soft_prompt import EmbeddingStatistics


@dataclass(frozen=True)
class EntropyBand:
    """Entropies that are ordinary, in nats."""

    low: float
    high: float

    def outside(self, entropies: Float[Tensor, " places"]) -> Float[Tensor, " places"]:
        """How far each lies outside."""
        return (self.low - entropies).relu() + (entropies - self.high).relu()


@dataclass(frozen=True)
class PromptObjective:
    """The clipped divergence, less what degenerate optima pay for.

    Clipping keeps a single token from deciding. The other terms keep the base saying what it says
    without a prompt, and the finetuned side where it finds what is read likely and is about as sure
    of what follows as without a prompt.
    """

    divergence: Divergence
    cap: float
    """Nats up to which a token's divergence counts."""
    anchor: float = 0.0
    """Weight of how far the base is moved from what it says without the prompt."""
    fluency: float = 0.0
    """Weight of the finetuned side's negative log-likelihood."""
    entropy: float = 0.0
    """Weight of the entropy outside the band."""
    band: EntropyBand | None = None
    """None: no entropy is outside."""

    @property
    def plain(self) -> "PromptObjective":
        """The clipped divergence alone."""
        return replace(self, anchor=0.0, fluency=0.0, entropy=0.0)

    def __call__(
        self,
        log_p: Float[Tensor, "places vocabulary"],
        log_q: Float[Tensor, "places vocabulary"],
        targets: Int[Tensor, " places"],
        base_kl: Float[Tensor, " places"] | None = None,
    ) -> Float[Tensor, " places"]:
        """The objective at each place, in nats; training raises it.

        Args:
            log_p: the finetuned side's log probabilities.
            log_q: the base's.
            targets: the tokens of the passages.
            base_kl: KL of the base under the prompt from the base without it; none: 0.
        """
        value: Tensor = self.divergence(log_p, log_q).clamp(max=self.cap)
        if base_kl is not None:
            value = value - self.anchor * base_kl
        if self.fluency:
            value = value + self.fluency * log_p.gather(-1, targets[:, None])[:, 0]
        if self.entropy and self.band:
            value = value - self.entropy * self.band.outside(entropy(log_p))
        return value


def entropy(log_p: Float[Tensor, "places vocabulary"]) -> Float[Tensor, " places"]:
    """Of each distribution, in nats."""
    # Clamped, since 0 · -inf is no number; tokens that are ruled out add 0.
    finite = log_p.clamp(min=torch.finfo(log_p.dtype).min)
    summed: Tensor = -(log_p.exp() * finite).sum(dim=-1)
    return summed


_CURE = "Mend the function, then run again."


def checked_divergence(config: SoftPromptKLConfig) -> Divergence:
    """The divergence that is trained; a user's own tells of its faults when it is called.

    Raises:
        UserError: there is no such divergence; and when one's own is called, where a value under
            the cap is no finite number, or has no gradient.
    """
    found = divergence(config.divergence)
    return found if config.divergence in DIVERGENCES else _checked(config, found)


def _checked(config: SoftPromptKLConfig, own: Divergence) -> Divergence:
    name = str(config.divergence)

    def checked(
        log_p: Float[Tensor, "positions vocabulary"], log_q: Float[Tensor, "positions vocabulary"]
    ) -> Float[Tensor, " positions"]:
        values = own(log_p, log_q)
        # more than the cap, infinity too, counts as the cap
        wrong = int((~values.detach().clamp(max=config.cap).isfinite()).sum())
        if wrong:
            what = f"The divergence {name!r} gives no finite number at {wrong} of {len(values)}"
            raise UserError(f"{what} positions.", hint=_CURE)
        if torch.is_grad_enabled() and log_p.requires_grad and not values.requires_grad:
            what = f"The divergence {name!r} has no gradient: no prompt can be trained for it."
            raise UserError(what, hint="Compute it in torch, without no_grad, detach or item.")
        return values

    return checked


def refuse_gradient(config: SoftPromptKLConfig, pair: ModelPair, step: int) -> None:
    """A gradient that is no finite number is a fault of a divergence of the user's own.

    In float16 it is none: that format overflows. Nor is it told of those that ship, for which a
    step is left out.

    Args:
        config: the options.
        pair: both sides.
        step: steps taken, this one included.

    Raises:
        UserError: the divergence is the user's own, and steps are not in float16.
    """
    overflows = config.precision == "float16" or torch.float16 in (
        pair.base.dtype,
        pair.finetuned.dtype,
    )
    if config.divergence in DIVERGENCES or overflows:
        return
    name = str(config.divergence)
    what = f"The gradient of the divergence {name!r} is no finite number in step {step}."
    raise UserError(what, hint=_CURE)


@dataclass(frozen=True)
class BasePredictions:
    """The base's predictions of what counts in some passages, no prompt before them."""

    pair: ModelPair
    states: Float[Tensor, "counted hidden"]
    """What its unembedding reads."""
    known: Bool[Tensor, " counted"]
    """False at a text's first token, which nothing predicts where there is no prompt."""

    def base_kl(
        self, log_q: Float[Tensor, "chunk vocabulary"], places: slice
    ) -> Float[Tensor, " chunk"]:
        """KL(base under the prompt ‖ base without it), in nats; 0 where nothing is known.

        Args:
            log_q: the base's log probabilities under the prompt.
            places: which of the predictions these are.
        """
        reference = log_probabilities(self.pair.base, self.states[places], self.pair.vocabulary)
        known = self.known[places].to(log_q.device)
        reference = torch.where(known[:, None], reference.to(log_q.device), log_q.detach())
        return DIVERGENCES["kl"](log_q, reference)


def base_predictions(pair: ModelPair, passages: Sequence[Passage]) -> BasePredictions:
    """Has the base read passages without a prompt, in one batch."""
    started = [replace(one, start=max(one.start, 1)) for one in passages]
    read, known = [], []
    for one, row in zip(passages, states(pair.base, None, started), strict=True):
        first = 0 if one.start else min(1, len(one.ids))
        read.append(torch.cat([row.new_zeros(first, row.shape[1]), row]))
        known += [False] * first + [True] * len(row)
    return BasePredictions(pair, torch.cat(read), torch.tensor(known, dtype=torch.bool))


@torch.no_grad()
def mean_base_kl(
    pair: ModelPair,
    config: SoftPromptKLConfig,
    prompt: Float[Tensor, "length hidden"],
    passages: Sequence[Passage],
) -> float:
    """Mean KL of the base under the prompt from the base without it, in nats per token."""
    total, count = 0.0, 0
    for start in range(0, len(passages), config.micro_batch):
        batch = passages[start : start + config.micro_batch]
        reference, read = base_predictions(pair, batch), torch.cat(states(pair.base, prompt, batch))
        for first in range(0, len(read), config.chunk):
            places = slice(first, first + config.chunk)
            log_q = log_probabilities(pair.base, read[places], pair.vocabulary)
            total += float(reference.base_kl(log_q, places).double().sum())
        count += len(read)
    return total / max(count, 1)


@dataclass(frozen=True)
class PromptTask:
    """What is climbed, and how."""

    pair: ModelPair
    config: SoftPromptKLConfig
    objective: PromptObjective
    vocabulary: EmbeddingStatistics
    """Of the base."""
    data: PromptData
    seed: int


def prompt_task(
    pair: ModelPair, config: SoftPromptKLConfig, data: PromptData, seed: int
) -> PromptTask:
    """Reads the base's vocabulary and, where they count, the entropies without a prompt.

    Raises:
        UserError: there is no such divergence.
    """
    band = _band(pair, config, data, seed) if config.entropy else None
    return PromptTask(
        pair=pair,
        config=config,
        objective=PromptObjective(
            checked_divergence(config),
            config.cap,
            config.anchor,
            config.fluency,
            config.entropy,
            band,
        ),
        vocabulary=EmbeddingStatistics.of(pair.base, pair.vocabulary),
        data=data,
        seed=seed,
    )


def _band(pair: ModelPair, config: SoftPromptKLConfig, data: PromptData, seed: int) -> EntropyBand:
    """Where most entropies of the finetuned side lie that reads no prompt."""
    completions = complete(pair.finetuned, None, data.training, config, seed, pair.vocabulary)
    # a text's first token is not predicted if nothing is before it
    texts = [replace(text, start=1) for text in data.texts]
    passages = texts if config.source == "texts" else [*completions, *texts]
    each = compare_predictions(
        pair, config, None, passages, lambda log_p, _, __: entropy(log_p)[:, None]
    )
    entropies = torch.cat(each)[:, 0].double()
    if not len(entropies):
        return EntropyBand(0.0, float("inf"))
    low, high = np.quantile(entropies.numpy(), (0.05, 0.95))
    return EntropyBand(float(low), float(high))
