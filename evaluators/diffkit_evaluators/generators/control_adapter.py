"""Writes a random change as an adapter, so that an engine can put it on the base."""

import json
from pathlib import Path

import torch
from jaxtyping import Float
from safetensors.torch import save_file
from torch import Tensor

from diffkit import ModelPair, UserError, WeightDelta


def write_adapter(pair: ModelPair, folder: Path) -> int:
    """Writes what a pair differs in as a plain LoRA adapter, in peft's format.

    Args:
        pair: a base and a random change.
        folder: an empty folder.

    Returns:
        The adapter's rank; 0 where nothing changed, and nothing is written.

    Raises:
        UserError: a difference is no product of two thin matrices, or lies in the vocabulary.
    """
    products = {delta.module: _product(delta, pair.base.rows) for delta in pair.deltas()}
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


def _product(
    delta: WeightDelta, rows: int
) -> tuple[Float[Tensor, "out rank"], Float[Tensor, "rank inputs"]]:
    """Both factors on the CPU, the scale in the left one."""
    product = delta.low_rank
    if product is None or len(product.left) == rows:  # see vllm_adapters
        raise no_adapter()
    return product.scale * product.left.float().cpu(), product.right.float().cpu()


def no_adapter() -> UserError:
    """The refusal of a random change that is as large as its base."""
    what = "vLLM cannot take on a random change that is no plain LoRA."
    return UserError(what, cure="Use the generator transformers for it.")
