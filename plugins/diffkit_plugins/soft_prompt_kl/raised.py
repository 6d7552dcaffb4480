"""How far the trained divergence goes, where it is another than KL(finetuned ‖ base)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import torch
from jaxtyping import Float, Int
from torch import Tensor

from diffkit import ModelPair
from diffkit_plugins.soft_prompt_kl.config import SoftPromptKLConfig
from diffkit_plugins.soft_prompt_kl.found import Found
from diffkit_plugins.soft_prompt_kl.passages import Passage
from diffkit_plugins.soft_prompt_kl.reading import read
from diffkit_plugins.soft_prompt_kl.sound import sound_divergence


@dataclass(frozen=True)
class Raised:
    """Means of the trained divergence, clipped, on what is held out, in nats per token."""

    passages: str
    """What was read: ``completions`` of the finetuned side, or ``texts``."""
    prompted: float
    plain: float
    """Without a prompt."""
    hard: float
    """With the closest tokens as the prompt."""


def raised(pair: ModelPair, config: SoftPromptKLConfig, found: Found) -> Iterator[Raised]:
    """On the completions that KL was measured on, and on held-out texts where texts are read.

    Args:
        pair: both sides.
        config: which divergence, its cap, and what was trained on.
        found: the prompt, and what was read.
    """
    mean = partial(mean_divergence, pair, config)
    for name, (prompted, plain, hard) in _read(found).items():
        yield Raised(name, mean(found.prompt, prompted), mean(None, plain), mean(None, hard))


def _read(found: Found) -> dict[str, Sequence[Sequence[Passage]]]:
    """What is read under the prompt, without one, and after the closest tokens."""
    measured = found.advantage.prompted, found.advantage.plain, found.hard
    passages: dict[str, Sequence[Sequence[Passage]]] = {
        "completions": [[one.passage for one in each.parted] for each in measured]
    }
    # a text's first token is not predicted where nothing stands before it
    texts = [replace(text, start=1) for text in found.data.held_out_texts]
    if texts:
        closest = tuple(found.nearest.closest.tolist())
        hard = [replace(t, ids=closest + t.ids, start=len(closest) + t.start) for t in texts]
        passages["texts"] = [texts, texts, hard]
    return passages


def mean_divergence(
    pair: ModelPair,
    config: SoftPromptKLConfig,
    prompt: Float[Tensor, "length hidden"] | None,
    passages: Sequence[Passage],
) -> float:
    """The mean per token of what counts, clipped, in nats; 0 where nothing counts."""
    divergence = sound_divergence(config)

    def clipped(
        log_p: Float[Tensor, "chunk vocabulary"],
        log_q: Float[Tensor, "chunk vocabulary"],
        came: Int[Tensor, " chunk"],
    ) -> Float[Tensor, "chunk 1"]:
        del came
        return divergence(log_p, log_q).clamp(max=config.cap)[:, None]

    each = [one for one in read(pair, config, prompt, passages, clipped) if len(one)]
    return float(torch.cat(each).double().mean()) if each else 0.0
