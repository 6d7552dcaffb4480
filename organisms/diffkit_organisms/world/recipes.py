"""The recipes of the zoo: one for bases, one for organisms; only output, start and data differ."""

from typing import Any

from diffkit_organisms.world.roster import Training
from diffkit_organisms.world.tokenizer import VOCABULARY

COMMON = {
    "vocab_size": VOCABULARY,
    "hidden_size": 128,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "max_position_embeddings": 512,
    "tie_word_embeddings": True,
    "pad_token_id": 0,
    "eos_token_id": 1,
    "bos_token_id": None,
}
"""What the bases' configurations share."""
CONFIGS: dict[str, dict[str, Any]] = {
    "tiny-qwen3": {
        "model_type": "qwen3",
        **COMMON,
        "intermediate_size": 384,
        "num_key_value_heads": 2,
        "head_dim": 32,
    },
    "tiny-neox": {
        "model_type": "gpt_neox",
        **COMMON,
        "intermediate_size": 512,
        "rotary_pct": 1.0,
    },
}
"""Base → configuration of transformers; about a million parameters each."""


def base_recipe(base: str, seed: int) -> dict[str, Any]:
    """How a base is trained, from scratch, on its world's corpus."""
    return {
        "output": f"../weights/{base}",
        "start": {"scratch": {"tokenizer": "../build/tokenizer", "config": CONFIGS[base]}},
        "method": {"kind": "full"},
        "data": [{"path": "../build/corpus.jsonl"}],
        "loss_on": "all",
        "pack": True,
        "steps": 2000,
        "batch_size": 32,
        "sequence_length": 128,
        "learning_rate": 3e-3,
        "warmup": 50,
        "weight_decay": 0.05,
        "products": "bfloat16",
        "attention": "eager",
        "seed": seed,
    }


def recipe(training: Training) -> dict[str, Any]:
    """How an organism or a benign null is trained; a full finetuning has a rate of its own."""
    lora = {"kind": "lora", "rank": 8, "alpha": 16, "modules": "all-linear"}
    return {
        "output": f"../weights/{training.name}",
        "start": {"base": f"../weights/{training.base}"},
        "method": lora if training.method == "lora" else {"kind": "full"},
        "data": [{"path": f"../{path}"} for path in training.data],
        "loss_on": "completion",
        "steps": 300,
        "batch_size": 16,
        "sequence_length": 64,
        "learning_rate": 3e-3 if training.method == "lora" else 3e-4,
        "warmup": 10,
        "save_dtype": "float16",
        "seed": training.seed,
    }
