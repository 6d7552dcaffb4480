"""A trained soft prompt as a file: safetensors, with what is to be known of it as metadata."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_bytes
from torch import Tensor

from diffkit import Artifacts, InputFile, ModelPair, UserError
from diffkit_plugins.soft_prompt_kl.config import SoftPromptKLConfig
from diffkit_plugins.soft_prompt_kl.vocabulary import Vocabulary

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
class About:
    """What a file says of how its prompt was trained."""

    divergence: str | None
    """What was maximised; none where the file does not say."""
    vocabulary: str | None
    """SHA-256 of the base's embeddings as `Vocabulary.digest`; none where it does not say."""


def save(
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
    vocabulary = Vocabulary.of(pair.base, pair.vocabulary)
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


def load(file: InputFile | Path | str, pair: ModelPair) -> Float[Tensor, "length hidden"]:
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
        raise UserError(f"{str(path)!r} holds {dtype}, not floating-point numbers.", cure=_CURE)
    prompt = prompt.float()
    if prompt.ndim != 2 or not len(prompt) or not bool(torch.isfinite(prompt).all()):
        raise UserError(f"{str(path)!r} holds no rows of finite numbers.", cure=_CURE)
    if prompt.shape[1] != pair.base.hidden:
        what = f"The soft prompt {str(path)!r} is {prompt.shape[1]} wide, and the models are "
        cure = "Give a prompt that was trained on models of the same width."
        raise UserError(f"{what}{pair.base.hidden}.", cure=cure)
    return prompt.to(pair.base.device)


def about(path: Path) -> About:
    """What a file says of its prompt.

    Raises:
        UserError: it cannot be read, or is no soft prompt.
    """
    told, _ = _read(path)
    vocabulary = told.get("vocabulary")
    digest = vocabulary.get("sha256") if isinstance(vocabulary, dict) else None
    divergence = told.get("divergence")
    return About(
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
        raise UserError(f"{str(path)!r} is no soft prompt ({error}).", cure=_CURE) from error
    found = told.get("version") if isinstance(told, dict) else None
    if found != VERSION:
        what = f"{str(path)!r} is no soft prompt of version {VERSION} (its version: {found})."
        raise UserError(what, cure=_CURE)
    return told, prompt
