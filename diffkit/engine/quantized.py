"""Bases whose linear layers are held in 8 bits (LLM.int8, arXiv:2208.07339), by bitsandbytes."""

import logging
from importlib import import_module
from typing import Any

from diffkit.engine.network import Network
from diffkit.errors import BadModel, MissingExtra

INT8 = "int8"
"""The number format that asks for it."""


def in_8_bits(device: str) -> dict[str, Any]:
    """What transformers is asked for: weights cannot be moved once they are in 8 bits.

    The head, the embeddings and the norms keep their format.

    Args:
        device: where the weights go.

    Raises:
        MissingExtra: bitsandbytes is not installed.
    """
    try:
        import_module("bitsandbytes")
    except ModuleNotFoundError as error:
        what = f"The number format {INT8!r}"
        raise MissingExtra(what, error.name or "bitsandbytes", "diffkit[quantized]") from error
    from transformers import BitsAndBytesConfig

    # it says at every pass that it multiplies in float16
    logging.getLogger("bitsandbytes.autograd._functions").setLevel(logging.ERROR)
    config = BitsAndBytesConfig(load_in_8bit=True)
    return {"quantization_config": config, "device_map": {"": device}}


def refuse_beside(base: Network, what: str) -> None:
    """Refuses a second network beside a base in 8 bits.

    Each would be rounded by itself, and a method would take that for what finetuning did.

    Args:
        base: network of the base.
        what: what would lie beside it, as a sentence begins.

    Raises:
        BadModel: the base is in 8 bits.
    """
    if getattr(base.module, "is_loaded_in_8bit", False):
        raise BadModel(
            f"{what} cannot be compared with a base in 8 bits: rounding would move them apart.",
            cure="Load it in another number format, as in --dtype bfloat16.",
        )
