from pathlib import Path

import pytest
import torch
from diffkit_evaluators.generators.vllm_adapters import check_adapter
from safetensors.torch import save_file

from diffkit import ModelOnDisk, UserError


def side(folder, rank=4):
    return ModelOnDisk(
        Path("base"), folder, rank, tokenizer="x", vocab_rows=50, eos_ids=frozenset()
    )


def test_a_full_model_and_a_plain_adapter_are_taken(tmp_path):
    save_file({"q.lora_A.weight": torch.zeros(4, 32)}, tmp_path / "adapter_model.safetensors")
    check_adapter(side(None, rank=0), 8)
    check_adapter(side(tmp_path, rank=8), 8)


def test_too_high_a_rank_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"rank 9, and max_lora_rank is 8"):
        check_adapter(side(tmp_path, rank=9), 8)


@pytest.mark.parametrize("shape", [(4, 50), (50, 4)])
def test_changes_of_the_vocabulary_are_refused(tmp_path, shape):
    save_file({"embed.lora_A.weight": torch.zeros(shape)}, tmp_path / "adapter_model.safetensors")
    with pytest.raises(UserError, match="generator transformers"):
        check_adapter(side(tmp_path), 8)
