"""A trained soft prompt as a file: safetensors, with what is to be known of it as metadata."""

from collections.abc import Mapping
from pathlib import Path

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
METHOD, VERSION = "soft-prompt-kl", "1"
"""Of the format; files of another are not read."""
_TENSOR = "prompt"


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
    metadata = {
        "method": METHOD,
        "version": VERSION,
        "length": str(len(prompt)),
        "width": str(prompt.shape[1]),
        "divergence": config.divergence,
        "vocabulary_median_norm": repr(vocabulary.median),
        "vocabulary_sha256": vocabulary.digest,
    }
    tensors = {_TENSOR: prompt.detach().float().cpu().contiguous()}
    return artifacts.write(f"{name}.safetensors", to_bytes(tensors, metadata))


def load(file: InputFile | Path | str, pair: ModelPair) -> Float[Tensor, "length hidden"]:
    """Reads a prompt for a pair, float32, on the base's device.

    Args:
        file: what `save` wrote, for this pair or another of the same width.
        pair: the models that are to read it.

    Raises:
        UserError: it cannot be read, is no soft prompt, or has another width.
    """
    path = file.path if isinstance(file, InputFile) else Path(file)
    cure = "Give a best.safetensors or last.safetensors of a soft-prompt-kl run."
    try:
        with safe_open(path, framework="pt") as opened:
            metadata: Mapping[str, str] = opened.metadata() or {}
            prompt: Tensor = opened.get_tensor(_TENSOR)
    except (OSError, SafetensorError) as error:
        raise UserError(f"{str(path)!r} is no soft prompt ({error}).", cure=cure) from error
    if (metadata.get("method"), metadata.get("version")) != (METHOD, VERSION):
        found = f"{metadata.get('method')} {metadata.get('version')}"
        raise UserError(f"{str(path)!r} says {found!r}, not '{METHOD} {VERSION}'.", cure=cure)
    if prompt.ndim != 2 or not len(prompt) or not bool(torch.isfinite(prompt).all()):
        raise UserError(f"{str(path)!r} holds no rows of finite numbers.", cure=cure)
    if prompt.shape[1] != pair.base.hidden:
        what = f"The soft prompt {str(path)!r} is {prompt.shape[1]} wide, and the models are "
        cure = "Give a prompt that was trained on models of the same width."
        raise UserError(f"{what}{pair.base.hidden}.", cure=cure)
    return prompt.float().to(pair.base.device)
