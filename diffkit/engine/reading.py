"""Reads a full model from a folder into a `Network`."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from diffkit.engine.architectures import architecture_of
from diffkit.engine.network import Network
from diffkit.engine.quantized import INT8, in_8_bits
from diffkit.engine.reasons import first_line
from diffkit.engine.stored import read_header
from diffkit.engine.tokenizers import load_tokenizer
from diffkit.engine.weights import read_json, weight_files
from diffkit.errors import BadFile, BadModel

_DTYPES = ("float32", "bfloat16", "float16", INT8)
_AGAIN = "Download it again, or save it again with save_pretrained()."


def read_network(
    folder: Path,
    *,
    device: str,
    dtype: str | torch.dtype | None,
    attention: str | None,
    tokenizer: Any = None,
) -> Network:
    """Loads a full model.

    Args:
        folder: a folder with config.json and safetensors.
        device: where the weights go.
        dtype: number format; none keeps the stored one, and so does ``int8`` but in linear layers.
        attention: attention implementation of transformers; none takes its default.
        tokenizer: used instead of the folder's own.

    Raises:
        BadModel: it cannot be loaded, or lacks weights that its configuration asks for.
        MissingExtra: the library that a number format needs is not installed.
        BadFile: one of its files is malformed.
    """
    config = read_json(folder / "config.json")
    if "model_type" not in config:
        raise BadFile(folder / "config.json", "is missing.", field="model_type", cure=_AGAIN)
    architecture = architecture_of(str(config["model_type"]))
    for file in weight_files(folder):
        read_header(file)
    small = dtype == INT8
    module = _load(folder, _dtype(dtype), attention, in_8_bits(device) if small else {})
    if not small:
        module.to(device)
    loaded = INT8 if small else module.dtype  # another folder's config.json may ask for another
    network = Network(module, tokenizer or load_tokenizer(folder), architecture)

    def reload(other: Path = folder) -> Network:
        """Reads this model once more, or another in the same way."""
        return read_network(
            other, device=device, dtype=loaded, attention=attention, tokenizer=network.tokenizer
        )

    network.reload = reload
    return network


def _dtype(name: str | torch.dtype | None) -> Any:
    if name in {None, INT8}:
        return "auto"
    if isinstance(name, torch.dtype):
        return name
    if name not in _DTYPES:
        raise BadModel(f"There is no number format {name!r}.", cure=f"Take one of {_DTYPES}.")
    return getattr(torch, name)


def _load(folder: Path, dtype: Any, attention: str | None, options: dict[str, Any]) -> Any:
    from transformers import AutoModelForCausalLM

    try:
        with quiet():
            module, info = AutoModelForCausalLM.from_pretrained(
                folder,
                dtype=dtype,
                attn_implementation=attention,
                local_files_only=True,
                trust_remote_code=False,
                use_safetensors=True,
                output_loading_info=True,
                **options,
            )
    except Exception as error:  # transformers raises whatever its parts raise
        what = f"{str(folder)!r} cannot be loaded ({first_line(error)})."
        raise BadModel(what, cure=_AGAIN) from error
    for problem in ("missing_keys", "unexpected_keys"):
        for key in sorted(info[problem]):
            what = "lacks" if problem == "missing_keys" else "holds unexpected"
            raise BadModel(f"{str(folder)!r} {what} weights: {key}.", cure=_AGAIN)
    return module


@contextmanager
def quiet() -> Iterator[None]:
    """Keeps transformers' progress bars off the terminal, or out of a file that stderr goes to."""
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()
