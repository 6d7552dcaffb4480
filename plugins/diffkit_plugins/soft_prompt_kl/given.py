"""A prompt that was given: kept as it came, with what is to be known before it is believed."""

from collections.abc import Iterator
from pathlib import Path

from jaxtyping import Float
from torch import Tensor

from diffkit import Artifacts, ModelPair, Note
from diffkit_plugins.soft_prompt_kl.config import SoftPromptKLConfig
from diffkit_plugins.soft_prompt_kl.prompt_file import BEST, About, about
from diffkit_plugins.soft_prompt_kl.vocabulary import Vocabulary

_ROUNDING = 1e-3
"""Share by which a norm may lie above the bound that it was cut to, in any format."""


def keep(artifacts: Artifacts, file: Path) -> None:
    """Copies the file byte for byte: what it says is of its own training, not of this run."""
    artifacts.write(f"{BEST}.safetensors", file.read_bytes())


def provenance(
    pair: ModelPair, config: SoftPromptKLConfig, prompt: Float[Tensor, "length hidden"]
) -> Note | None:
    """What of the prompt's own training does not fit this run; none where all does.

    Args:
        pair: the models that read it here.
        config: the options; none gives no prompt.
        prompt: what the file holds.
    """
    if config.prompt is None:
        return None
    origin, here = about(config.prompt.path), Vocabulary.of(pair.base, pair.vocabulary)
    doubts = (*_foreign(origin, here), *_aims(origin, config), *_long(prompt, here, config))
    return Note(text=" ".join(doubts)) if doubts else None


def _foreign(origin: About, here: Vocabulary) -> Iterator[str]:
    if origin.vocabulary is None:
        yield "The prompt's file does not say on which vocabulary it was trained."
    elif origin.vocabulary != here.digest:
        yield (
            "This prompt was trained on other embeddings (another vocabulary, base or dtype): on "
            "another vocabulary its vectors mean nothing by themselves."
        )


def _aims(origin: About, config: SoftPromptKLConfig) -> Iterator[str]:
    if origin.divergence not in (None, str(config.divergence)):
        yield (
            f"The prompt was trained for divergence={origin.divergence}, and this run measures "
            f"divergence={config.divergence}."
        )


def _long(
    prompt: Float[Tensor, "length hidden"], here: Vocabulary, config: SoftPromptKLConfig
) -> Iterator[str]:
    limit, norms = here.limit(config.norm_quantile), prompt.norm(dim=1)
    beyond = int((norms > limit * (1 + _ROUNDING)).sum())
    if beyond:
        longest, bound = (f"{norm / here.median:.3g}" for norm in (float(norms.max()), limit))
        yield (
            f"{beyond} of the prompt's {len(prompt)} soft tokens are longer than any that is "
            f"trained here (norm_quantile={config.norm_quantile:g}): up to {longest} of the "
            f"vocabulary's median norm, where the bound is {bound}."
        )
