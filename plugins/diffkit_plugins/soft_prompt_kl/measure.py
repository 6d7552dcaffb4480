"""How far the sides are apart on what the finetuned side says, under a prompt or under none."""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from diffkit import ModelPair
from diffkit.maths import DIVERGENCES
from diffkit_plugins.soft_prompt_kl.completing import complete
from diffkit_plugins.soft_prompt_kl.config import SoftPromptKLConfig
from diffkit_plugins.soft_prompt_kl.measured import Advantage, Measured, Parted
from diffkit_plugins.soft_prompt_kl.passages import Context, Passage
from diffkit_plugins.soft_prompt_kl.reading import Numbers, read

FRESH = 1
"""Added to a run's seed for the draws that a prompt is measured on: it was not chosen by these."""


def advantage(
    pair: ModelPair,
    config: SoftPromptKLConfig,
    prompt: Float[Tensor, "length hidden"],
    contexts: Sequence[Context],
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
    prompted, plain = (measure(pair, config, one, contexts, seed) for one in (prompt, None))
    return Advantage(prompted, plain)


def measure(
    pair: ModelPair,
    config: SoftPromptKLConfig,
    prompt: Float[Tensor, "length hidden"] | None,
    contexts: Sequence[Context],
    seed: int,
) -> Measured:
    """Compares the sides on the finetuned side's own completions, both reading the same.

    Args:
        pair: both sides.
        config: the options.
        prompt: what stands before each context; none: nothing.
        contexts: what is completed.
        seed: where draws come from, besides each context's number.
    """
    said = complete(pair.finetuned, prompt, contexts, config, seed, pair.vocabulary)
    return measure_passages(pair, config, prompt, said)


def measure_passages(
    pair: ModelPair,
    config: SoftPromptKLConfig,
    prompt: Float[Tensor, "length hidden"] | None,
    passages: Sequence[Passage],
) -> Measured:
    """The same of passages that are there already."""
    numbers = read(pair, config, prompt, passages, _comparing(config))
    return Measured(
        tuple(
            Parted(one, each[:, 0], each[:, 1], each[:, 2:].T.long())
            for one, each in zip(passages, numbers, strict=True)
        )
    )


def _comparing(config: SoftPromptKLConfig) -> Numbers:
    def compare(
        log_p: Float[Tensor, "chunk vocabulary"],
        log_q: Float[Tensor, "chunk vocabulary"],
        came: Int[Tensor, " chunk"],
    ) -> Float[Tensor, "chunk 4"]:
        del came
        clipped = DIVERGENCES["kl"](log_p, log_q).clamp(max=config.cap)
        count = min(config.top, log_p.shape[-1])
        best_p, best_q = (side.topk(count).indices for side in (log_p, log_q))
        both = (best_p[:, :, None] == best_q[:, None]).sum(dim=(1, 2))
        overlap = both / (2 * count - both)
        # float32 holds every id below 2**24.
        return torch.stack([clipped, overlap, best_q[:, 0], best_p[:, 0]], dim=1)

    return compare
