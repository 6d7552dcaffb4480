"""How far the sides differ on the finetuned side's completions, with a soft prompt and without.

Takes contexts or passages and a soft prompt. Gives divergences per token and per passage, and the
advantage of the prompt over no prompt.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from diffkit import ModelPair
from diffkit.maths import DIVERGENCES
from diffkit_plugins.soft_prompt_kl.config import SoftPromptKLConfig
from diffkit_plugins.soft_prompt_kl.data import Passage, PromptContext
from diffkit_plugins.soft_prompt_kl.generation import complete
from diffkit_plugins.soft_prompt_kl.prediction import Numbers, compare_predictions


@dataclass(frozen=True)
class PassageDivergence:
    """A passage, and how the sides' predictions of each of its tokens compare."""

    passage: Passage
    kl: Float[Tensor, " tokens"]
    """KL(finetuned ‖ base) in nats, clipped."""
    overlap: Float[Tensor, " tokens"]
    """Jaccard index of both sides' likeliest tokens: |both| / |either|."""
    expected: Int[Tensor, "2 tokens"]
    """The likeliest token of the base, and of the finetuned side."""

    @property
    def agrees(self) -> Float[Tensor, " tokens"]:
        """1 where both sides have the same likeliest token, else 0."""
        return (self.expected[0] == self.expected[1]).float()


@dataclass(frozen=True)
class PassageDivergences:
    """All that was measured of a prompt, or of none."""

    passages: tuple[PassageDivergence, ...]

    @property
    def tokens(self) -> int:
        """How many tokens were compared."""
        return sum(len(one.kl) for one in self.passages)

    @property
    def divergence(self) -> float:
        """D: the mean clipped KL(finetuned ‖ base) per token, in nats; 0 where there is none."""
        return self._mean("kl")

    @property
    def agreement(self) -> float:
        """Share of tokens at which both sides have the same likeliest token."""
        return self._mean("agrees")

    @property
    def overlap(self) -> float:
        """Mean Jaccard index of both sides' likeliest tokens."""
        return self._mean("overlap")

    def by_category(self) -> Mapping[str, "PassageDivergences"]:
        """The same of each category's passages, in the order in which categories come up."""
        found: dict[str, list[PassageDivergence]] = {}
        for one in self.passages:
            found.setdefault(one.passage.category, []).append(one)
        return {
            category: PassageDivergences(tuple(passages)) for category, passages in found.items()
        }

    def _mean(self, name: str) -> float:
        every = [getattr(one, name) for one in self.passages]
        return float(torch.cat(every).double().mean()) if self.tokens else 0.0


@dataclass(frozen=True)
class Advantage:
    """What a prompt adds to how far the sides are apart."""

    prompted: PassageDivergences
    """On completions under the prompt."""
    plain: PassageDivergences
    """On completions of the same contexts without it, with the same draws."""

    @property
    def score(self) -> float:
        """A = log D(P)/D(∅), at least 0, since no prompt is to be had too; 0 where D(∅) = 0."""
        ratio = ratio_of(self.prompted, self.plain)
        return math.log(ratio) if ratio > 1 else 0.0


def ratio_of(prompted: PassageDivergences, plain: PassageDivergences) -> float:
    """D(P)/D(∅); 1 where D(∅) = 0."""
    return prompted.divergence / plain.divergence if plain.divergence > 0 else 1.0


FRESH = 1
"""Added to a run's seed for the draws that a prompt is measured on: it was not chosen by these."""


def advantage(
    pair: ModelPair,
    config: SoftPromptKLConfig,
    prompt: Float[Tensor, "length hidden"],
    contexts: Sequence[PromptContext],
    seed: int,
) -> Advantage:
    """Measures with the prompt and without.

    Args:
        pair: both sides.
        config: the options.
        prompt: the soft prompt.
        contexts: what is completed; held-out ones.
        seed: where draws come from.
    """
    prompted, plain = (
        measure_contexts(pair, config, one, contexts, seed) for one in (prompt, None)
    )
    return Advantage(prompted, plain)


def measure_contexts(
    pair: ModelPair,
    config: SoftPromptKLConfig,
    prompt: Float[Tensor, "length hidden"] | None,
    contexts: Sequence[PromptContext],
    seed: int,
) -> PassageDivergences:
    """Compares the sides on the finetuned side's own completions, both reading the same.

    Args:
        pair: both sides.
        config: the options.
        prompt: the prompt before each context; none: no prompt.
        contexts: what is completed.
        seed: where draws come from, besides each context's number.
    """
    completions = complete(pair.finetuned, prompt, contexts, config, seed, pair.vocabulary)
    return measure_passages(pair, config, prompt, completions)


def measure_passages(
    pair: ModelPair,
    config: SoftPromptKLConfig,
    prompt: Float[Tensor, "length hidden"] | None,
    passages: Sequence[Passage],
) -> PassageDivergences:
    """The same of passages that are there already."""
    numbers = compare_predictions(pair, config, prompt, passages, _comparing(config))
    return PassageDivergences(
        tuple(
            PassageDivergence(one, each[:, 0], each[:, 1], each[:, 2:].T.long())
            for one, each in zip(passages, numbers, strict=True)
        )
    )


def _comparing(config: SoftPromptKLConfig) -> Numbers:
    def compare(
        log_p: Float[Tensor, "chunk vocabulary"],
        log_q: Float[Tensor, "chunk vocabulary"],
        targets: Int[Tensor, " chunk"],
    ) -> Float[Tensor, "chunk 4"]:
        del targets
        clipped = DIVERGENCES["kl"](log_p, log_q).clamp(max=config.cap)
        count = min(config.top, log_p.shape[-1])
        best_p, best_q = (side.topk(count).indices for side in (log_p, log_q))
        both = (best_p[:, :, None] == best_q[:, None]).sum(dim=(1, 2))
        overlap = both / (2 * count - both)
        # float32 holds every id below 2**24.
        return torch.stack([clipped, overlap, best_q[:, 0], best_p[:, 0]], dim=1)

    return compare
