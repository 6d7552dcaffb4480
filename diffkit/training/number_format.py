"""Rewrites saved weights in another number format."""

import json
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from diffkit.engine.weights import kind, read_json, weight_files
from diffkit.errors import RunFailed


def store_as(folder: Path, name: str) -> None:
    """Rewrites the floating-point tensors in ``folder``, file by file, and what says their format.

    Args:
        folder: an adapter or a full model, freshly saved.
        name: the number format, such as ``float16``.

    Raises:
        RunFailed: a weight is too large for it.
    """
    dtype: torch.dtype = getattr(torch, name)
    size = 0
    for file in weight_files(folder):
        tensors = {key: _cast(key, tensor, dtype) for key, tensor in load_file(file).items()}
        save_file(tensors, file, metadata={"format": "pt"})
        size += sum(tensor.nbytes for tensor in tensors.values())
    if kind(folder) == "adapter":
        return  # its configuration names no format
    _change(folder / "config.json", {"dtype": name})
    index = folder / "model.safetensors.index.json"
    if index.exists():
        _change(index, {"metadata": read_json(index)["metadata"] | {"total_size": size}})


def _cast(key: str, tensor: Tensor, dtype: torch.dtype) -> Tensor:
    if not tensor.is_floating_point():
        return tensor
    cast = tensor.to(dtype)
    if not bool(cast.isfinite().all()):
        what = f"{key} holds {float(tensor.abs().max()):.3g}, which {dtype} cannot hold."
        raise RunFailed(what, cure="Use save_dtype: bfloat16, or leave it out.")
    return cast


def _change(path: Path, fields: dict[str, object]) -> None:
    changed = json.dumps(read_json(path) | fields, indent=2, sort_keys=True) + "\n"
    path.write_text(changed, encoding="utf-8")
