"""Loads a full model from a folder into a `Network`, in 8 bits where that is asked for."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import torch

from diffkit.engine.architectures import architecture_of
from diffkit.engine.loading.gguf_header import is_gguf
from diffkit.engine.loading.gguf_model import load_gguf, read_gguf_config
from diffkit.engine.loading.model_files import read_json, weight_files
from diffkit.engine.loading.refusals import refuse_byte_order_mark
from diffkit.engine.loading.safetensors_header import read_header
from diffkit.engine.loading.tokenizer import load_tokenizer, warn_without_bos
from diffkit.engine.network import Network
from diffkit.errors import BadDevice, BadFile, BadModel, DiffkitError, MissingExtra, first_line


def resolve_device(device: str) -> str:
    """The device of that name, after a trial allocation.

    Args:
        device: a torch device; ``auto`` is CUDA if available, otherwise the CPU.

    Raises:
        BadDevice: there is no such device on this machine.
    """
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(1, device=device)
    except Exception as error:  # torch raises several kinds, with long messages
        raise BadDevice(device) from error
    return device


INT8 = "int8"
"""The number format of bases whose linear layers are in 8 bits (LLM.int8, arXiv:2208.07339)."""


def int8_arguments(device: str) -> dict[str, Any]:
    """Arguments of transformers' loader for 8-bit weights, which cannot be moved afterwards.

    The head, the embeddings and the norms keep their format.

    Args:
        device: the device of the weights.

    Raises:
        MissingExtra: bitsandbytes is not installed.
    """
    try:
        import_module("bitsandbytes")
    except ModuleNotFoundError as error:
        what = f"The number format {INT8!r}"
        raise MissingExtra(what, error.name or "bitsandbytes", "diffkit[quantized]") from error
    from transformers import BitsAndBytesConfig

    # it warns at every forward pass that it multiplies in float16
    logging.getLogger("bitsandbytes.autograd._functions").setLevel(logging.ERROR)
    config = BitsAndBytesConfig(load_in_8bit=True)
    return {"quantization_config": config, "device_map": {"": device}}


def refuse_beside_int8(base: Network, what: str) -> None:
    """Refuses a second network beside a base in 8 bits.

    Each would be rounded separately, and methods would take the rounding for an effect of the
    finetuning.

    Args:
        base: network of the base.
        what: the second network, as the beginning of a sentence.

    Raises:
        BadModel: the base is in 8 bits.
    """
    if getattr(base.module, "is_loaded_in_8bit", False):
        raise BadModel(
            f"{what} cannot be compared with a base in 8 bits: rounding would move them apart.",
            hint="Load it in another number format, as in --dtype bfloat16.",
        )


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
        folder: a folder with config.json and safetensors, or a GGUF file.
        device: the device of the weights.
        dtype: number format; none keeps the stored one, as ``int8`` does outside linear layers.
        attention: attention implementation of transformers; none takes its default.
        tokenizer: used instead of the folder's own.

    Raises:
        BadModel: it cannot be loaded, or lacks weights that its configuration asks for.
        MissingExtra: the library that a number format needs is not installed.
        BadFile: one of its files is malformed.
    """
    architecture = architecture_of(_model_type(folder))
    small = dtype == INT8
    if small and is_gguf(folder):
        what = f"{str(folder)!r} is a GGUF file, whose weights cannot be loaded in 8 bits."
        raise BadModel(what, hint="Load it in another number format, as in --dtype bfloat16.")
    module = _load(folder, _dtype(dtype), attention, int8_arguments(device) if small else {})
    if not small:
        module.to(device)
    loaded = INT8 if small else module.dtype  # another folder's config.json may ask for another
    network = Network(module, tokenizer or load_tokenizer(folder), architecture)
    if tokenizer is None:
        warn_without_bos(network.tokenizer, architecture, folder)

    def reload(other: Path = folder) -> Network:
        """Loads this model again, or another in the same way."""
        return read_network(
            other, device=device, dtype=loaded, attention=attention, tokenizer=network.tokenizer
        )

    network.reload = reload
    return network


def _model_type(folder: Path) -> str:
    """The architecture that transformers has the model in; its files are looked through first."""
    if is_gguf(folder):
        return str(read_gguf_config(folder).model_type)
    config = read_json(folder / "config.json")
    if "model_type" not in config:
        raise BadFile(folder / "config.json", "is missing.", field="model_type", hint=_AGAIN)
    for file in weight_files(folder):
        read_header(file)
    return str(config["model_type"])


def _dtype(name: str | torch.dtype | None) -> Any:
    if name in {None, INT8}:
        return "auto"
    if isinstance(name, torch.dtype):
        return name
    if name not in _DTYPES:
        raise BadModel(f"There is no number format {name!r}.", hint=f"Take one of {_DTYPES}.")
    return getattr(torch, name)


def _load(folder: Path, dtype: Any, attention: str | None, options: dict[str, Any]) -> Any:
    try:
        with without_progress_bars():
            module, info = _from_pretrained(folder, dtype, attention, options)
    except DiffkitError:
        raise
    except Exception as error:  # transformers raises errors of many libraries
        if marked := refuse_byte_order_mark(folder):
            raise marked from error
        what = f"{str(folder)!r} cannot be loaded ({first_line(error)})."
        raise BadModel(what, hint=_AGAIN) from error
    for problem in ("missing_keys", "unexpected_keys"):
        for key in sorted(info[problem]):
            what = "lacks" if problem == "missing_keys" else "holds unexpected"
            raise BadModel(f"{str(folder)!r} {what} weights: {key}.", hint=_AGAIN)
    return module


def _from_pretrained(
    folder: Path, dtype: Any, attention: str | None, options: dict[str, Any]
) -> Any:
    """The model, and what transformers says about the loading."""
    from transformers import AutoModelForCausalLM

    if is_gguf(folder):
        return load_gguf(folder, None if dtype == "auto" else dtype, attention)
    return AutoModelForCausalLM.from_pretrained(
        folder,
        dtype=dtype,
        attn_implementation=attention,
        local_files_only=True,
        trust_remote_code=False,
        use_safetensors=True,
        output_loading_info=True,
        **options,
    )


@contextmanager
def without_progress_bars() -> Iterator[None]:
    """Turns transformers' progress bars off."""
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()
