"""What stays the same over all trainings of a pair."""

from dataclasses import dataclass, replace

import numpy as np
import torch

from diffkit import ModelPair
from diffkit_plugins.soft_prompt_kl.completing import complete
from diffkit_plugins.soft_prompt_kl.config import SoftPromptKLConfig
from diffkit_plugins.soft_prompt_kl.loss import Band, Objective, entropy
from diffkit_plugins.soft_prompt_kl.passages import Data
from diffkit_plugins.soft_prompt_kl.reading import read
from diffkit_plugins.soft_prompt_kl.sound import sound_divergence
from diffkit_plugins.soft_prompt_kl.vocabulary import Vocabulary


@dataclass(frozen=True)
class Problem:
    """What is climbed, and how."""

    pair: ModelPair
    config: SoftPromptKLConfig
    objective: Objective
    vocabulary: Vocabulary
    """Of the base."""
    data: Data
    seed: int


def problem_of(pair: ModelPair, config: SoftPromptKLConfig, data: Data, seed: int) -> Problem:
    """Reads the base's vocabulary and, where they count, the entropies without a prompt.

    Raises:
        UserError: there is no such divergence.
    """
    band = _band(pair, config, data, seed) if config.entropy else None
    return Problem(
        pair=pair,
        config=config,
        objective=Objective(
            sound_divergence(config),
            config.cap,
            config.anchor,
            config.fluency,
            config.entropy,
            band,
        ),
        vocabulary=Vocabulary.of(pair.base, pair.vocabulary),
        data=data,
        seed=seed,
    )


def _band(pair: ModelPair, config: SoftPromptKLConfig, data: Data, seed: int) -> Band:
    """Where most entropies of the finetuned side lie that reads no prompt."""
    said = complete(pair.finetuned, None, data.training, config, seed, pair.vocabulary)
    # a text's first token is not predicted where nothing stands before it
    texts = [replace(text, start=1) for text in data.texts]
    passages = texts if config.source == "texts" else [*said, *texts]
    each = read(pair, config, None, passages, lambda log_p, _, __: entropy(log_p)[:, None])
    entropies = torch.cat(each)[:, 0].double()
    if not len(entropies):
        return Band(0.0, float("inf"))
    low, high = np.quantile(entropies.numpy(), (0.05, 0.95))
    return Band(float(low), float(high))
