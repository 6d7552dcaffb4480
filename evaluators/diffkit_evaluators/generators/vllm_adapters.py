"""Adapters for vLLM: which ones it supports, and random changes written as adapters."""

import json
from pathlib import Path

import torch
from jaxtyping import Float
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from diffkit import ModelOnDisk, ModelPair, UserError, WeightDelta


def check_adapter(side: ModelOnDisk, highest: int) -> None:
    """Refuses adapters that vLLM does not support, or applies in another way than peft.

    Args:
        side: with a plain LoRA adapter, or without one.
        highest: maximum rank of the engines.

    Raises:
        UserError: the rank is higher, or the adapter changes the embedding or unembedding, which
            vLLM 0.32 applies in another way than peft.
    """
    if side.rank > highest:
        what = f"The adapter has rank {side.rank}, and max_lora_rank is {highest}."
        raise UserError(what, hint="Raise max_lora_rank (8, 16, 32, 64, 128, 256, 320 or 512).")
    if _changes_vocabulary(side):
        what = "The adapter changes embeddings or unembeddings, which vLLM does not do as peft."
        raise UserError(what, hint="Use the generator transformers for it.")


def _changes_vocabulary(side: ModelOnDisk) -> bool:
    """Whether a tensor has a row, or a column, for each token."""
    if side.adapter is None:
        return False
    for file in side.adapter.glob("*.safetensors"):
        with safe_open(file, framework="np") as tensors:
            names = tensors.keys()
            shapes = [tensors.get_slice(name).get_shape() for name in names]
        if any(side.vocab_rows in shape for shape in shapes):
            return True
    return False


def write_adapter(pair: ModelPair, folder: Path) -> int:
    """Writes the weight differences of a pair as a LoRA adapter in peft's format.

    Args:
        pair: a base and a random change.
        folder: an empty folder.

    Returns:
        The adapter's rank; 0 if nothing changed, and then nothing is written.

    Raises:
        UserError: a difference is no product of two thin matrices, or lies in the vocabulary.
    """
    products = {
        delta.module: _low_rank_factors(delta, pair.base.vocab_rows) for delta in pair.deltas()
    }
    rank = max((len(right) for _, right in products.values()), default=0)
    if not rank:
        return 0
    tensors = {}
    for module, (left, right) in products.items():
        missing = rank - len(right)  # one rank for all: rows of zeros change nothing
        down = torch.nn.functional.pad(right, (0, 0, 0, missing))
        up = torch.nn.functional.pad(left, (0, missing))
        tensors[f"base_model.model.{module}.lora_A.weight"] = down.contiguous()
        tensors[f"base_model.model.{module}.lora_B.weight"] = up.contiguous()
    save_file(tensors, folder / "adapter_model.safetensors")
    config = {"peft_type": "LORA", "task_type": "CAUSAL_LM", "r": rank, "lora_alpha": rank}
    config |= {"target_modules": sorted(products), "bias": "none"}
    (folder / "adapter_config.json").write_text(json.dumps(config), encoding="utf-8")
    return rank


def _low_rank_factors(
    delta: WeightDelta, rows: int
) -> tuple[Float[Tensor, "out rank"], Float[Tensor, "rank inputs"]]:
    """Both low-rank factors on the CPU, with the scale in the left one."""
    product = delta.low_rank
    if product is None or len(product.left) == rows:  # see vllm_adapters
        raise unsupported_control()
    return product.scale * product.left.float().cpu(), product.right.float().cpu()


def unsupported_control() -> UserError:
    """The error for a random change of full rank."""
    what = "vLLM cannot take on a random change that is no plain LoRA."
    return UserError(what, hint="Use the generator transformers for it.")
