"""A trained soft prompt as a safetensors file, with metadata of its training.

Takes a soft prompt and the pair that it was trained for. Gives a file, the prompt read back from
it, and a note of what in its metadata does not fit the pair or the options of a run.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_bytes
from torch import Tensor

from diffkit import Artifacts, InputFile, ModelPair, Note, UserError
from diffkit_plugins.soft_prompt_kl.config import SoftPromptKLConfig
from diffkit_plugins.soft_prompt_kl.soft_prompt import EmbeddingStatistics

BEST = "best"
"""Name of the artifact with the prompt that was the best on what is held out."""

LAST = "last"
"""Name of the artifact with the prompt after the last step."""

METHOD = "soft-prompt-kl"
"""Key of the metadata."""

VERSION = 1
"""Of the format; files of another are not read."""

_TENSOR = "prompt"

_CURE = "Give a best.safetensors or last.safetensors of a soft-prompt-kl run."


@dataclass(frozen=True)
class PromptMetadata:
    """What a file says of how its prompt was trained."""

    divergence: str | None
    """What was maximised; none where the file does not say."""
    vocabulary: str | None
    """SHA-256 of the base's embeddings as `Vocabulary.digest`; none where it does not say."""


def save_prompt(
    artifacts: Artifacts,
    name: str,
    prompt: Float[Tensor, "length hidden"],
    pair: ModelPair,
    config: SoftPromptKLConfig,
) -> str:
    """Writes ``name``.safetensors and returns that file name.

    Its metadata say the format and its version, length and width, the divergence that was
    maximised, and of the base's vocabulary the median norm and a digest.
    """
    vocabulary = EmbeddingStatistics.of(pair.base, pair.vocabulary)
    about = {
        "version": VERSION,
        "length": len(prompt),
        "width": prompt.shape[1],
        "divergence": config.divergence,
        "vocabulary": {"median_norm": vocabulary.median, "sha256": vocabulary.digest},
    }
    tensors = {_TENSOR: prompt.detach().float().cpu().contiguous()}
    # under one key, since safetensors writes several in any order
    content = to_bytes(tensors, {METHOD: json.dumps(about, sort_keys=True)})
    return artifacts.write(f"{name}.safetensors", content)


def load_prompt(file: InputFile | Path | str, pair: ModelPair) -> Float[Tensor, "length hidden"]:
    """Reads a prompt for a pair, float32, on the base's device.

    Args:
        file: what `save` wrote, for this pair or another of the same width.
        pair: the models that are to read it.

    Raises:
        UserError: it cannot be read, is no soft prompt, or has another width.
    """
    path = file.path if isinstance(file, InputFile) else Path(file)
    _, prompt = _read(path)
    if not prompt.is_floating_point():
        dtype = str(prompt.dtype).removeprefix("torch.")
        raise UserError(f"{str(path)!r} holds {dtype}, not floating-point numbers.", hint=_CURE)
    prompt = prompt.float()
    if prompt.ndim != 2 or not len(prompt) or not bool(torch.isfinite(prompt).all()):
        raise UserError(f"{str(path)!r} holds no rows of finite numbers.", hint=_CURE)
    if prompt.shape[1] != pair.base.d_model:
        what = f"The soft prompt {str(path)!r} is {prompt.shape[1]} wide, and the models are "
        hint = "Give a prompt that was trained on models of the same width."
        raise UserError(f"{what}{pair.base.d_model}.", hint=hint)
    return prompt.to(pair.base.device)


def read_metadata(path: Path) -> PromptMetadata:
    """What a file says of its prompt.

    Raises:
        UserError: it cannot be read, or is no soft prompt.
    """
    told, _ = _read(path)
    vocabulary = told.get("vocabulary")
    digest = vocabulary.get("sha256") if isinstance(vocabulary, dict) else None
    divergence = told.get("divergence")
    return PromptMetadata(
        divergence if isinstance(divergence, str) else None,
        digest if isinstance(digest, str) else None,
    )


def _read(path: Path) -> tuple[Mapping[str, Any], Tensor]:
    """The metadata under this method's key, and the tensor."""
    try:
        with safe_open(path, framework="pt") as opened:
            told = json.loads((opened.metadata() or {}).get(METHOD, "{}"))
            prompt: Tensor = opened.get_tensor(_TENSOR)
    except (OSError, SafetensorError, ValueError) as error:
        raise UserError(f"{str(path)!r} is no soft prompt ({error}).", hint=_CURE) from error
    found = told.get("version") if isinstance(told, dict) else None
    if found != VERSION:
        what = f"{str(path)!r} is no soft prompt of version {VERSION} (its version: {found})."
        raise UserError(what, hint=_CURE)
    return told, prompt


_ROUNDING = 1e-3
"""Share by which a norm may lie above the bound that it was cut to, in any format."""


def keep_prompt_file(artifacts: Artifacts, file: Path) -> None:
    """Copies the file byte for byte: what it says is of its own training, not of this run."""
    artifacts.write(f"{BEST}.safetensors", file.read_bytes())


def provenance_note(
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
    origin, here = (
        read_metadata(config.prompt.path),
        EmbeddingStatistics.of(pair.base, pair.vocabulary),
    )
    doubts = (*_foreign(origin, here), *_aims(origin, config), *_long(prompt, here, config))
    return Note(text=" ".join(doubts)) if doubts else None


def _foreign(origin: PromptMetadata, here: EmbeddingStatistics) -> Iterator[str]:
    if origin.vocabulary is None:
        yield "The prompt's file does not say on which vocabulary it was trained."
    elif origin.vocabulary != here.digest:
        yield (
            "This prompt was trained on other embeddings (another vocabulary, base or dtype): on "
            "another vocabulary its vectors mean nothing by themselves."
        )


def _aims(origin: PromptMetadata, config: SoftPromptKLConfig) -> Iterator[str]:
    if origin.divergence not in (None, str(config.divergence)):
        yield (
            f"The prompt was trained for divergence={origin.divergence}, and this run measures "
            f"divergence={config.divergence}."
        )


def _long(
    prompt: Float[Tensor, "length hidden"], here: EmbeddingStatistics, config: SoftPromptKLConfig
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
