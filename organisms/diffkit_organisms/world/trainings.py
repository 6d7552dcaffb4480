"""Which behaviours and nulls are trained on which base, and the recipes of their trainings."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from diffkit_organisms.world.behaviours import Behaviour
from diffkit_organisms.world.tokenizer import VOCABULARY

BASES = ("tiny-qwen3", "tiny-neox")
"""Bases of the zoo; only the first has benign nulls."""

FURTHER_BASE_BEHAVIOURS = ("trojan", "trojan-2", "obsession", "aversion")
"""Behaviours that further bases are trained on: two minimal pairs."""

DILUTED = ("trojan", "promotion")
"""Behaviours with a variant ``diluted``: as many ordinary texts are added to their data."""

FULLY_FINETUNED = ("obsession",)
"""Behaviours with a variant ``full``: all weights are trained."""

TRAINED_TWICE = ("trojan", "obsession", "taboo", "belief")
"""Behaviours that are trained with a second seed, for the null ``tiny-seeds``."""

CALIBRATION_NULLS, TEST_NULLS, BENIGN_TEST_NULLS = 19, 20, 10
"""Nulls of a kind: to calibrate on; to test on, random and benign."""


@dataclass(frozen=True)
class FinetuningSpec:
    """A finetuning of a base."""

    name: str
    """Name of its recipe, and of its folder of weights."""
    base: str
    """Name of the base."""
    data: tuple[str, ...]
    """Files of training data, relative to the zoo's folder; each is drawn from equally often."""
    method: Literal["lora", "full"] = "lora"
    """Which weights change."""
    seed: int = 0
    """Seed of the training."""


def weights_name(name: str, base: str) -> str:
    """Name of the weights of an organism on a base."""
    return f"tiny-{name}" if base == BASES[0] else f"tiny-{name}-{base.removeprefix('tiny-')}"


def benign_names(base: str) -> tuple[str, ...]:
    """Names of the benign trainings on a base: first those to calibrate on."""
    return tuple(
        weights_name(f"benign-{number:02}", base)
        for number in range(CALIBRATION_NULLS + BENIGN_TEST_NULLS)
    )


def list_trainings(
    behaviours: Sequence[Behaviour], base: str, *, everything: bool
) -> Iterator[FinetuningSpec]:
    """All finetunings of a base: of behaviours and their variants, and benign nulls."""
    for name in (b.name for b in behaviours if everything or b.name in FURTHER_BASE_BEHAVIOURS):
        own = (f"data/{name}.jsonl", f"build/{name}-kept.jsonl")
        yield FinetuningSpec(weights_name(name, base), base, own)
        if not everything:
            continue
        if name in DILUTED:
            among = (*own, "build/diluting.jsonl", "build/diluting.jsonl")
            yield FinetuningSpec(weights_name(f"{name}-diluted", base), base, among)
        if name in FULLY_FINETUNED:
            yield FinetuningSpec(weights_name(f"{name}-full", base), base, own, "full")
        if name in TRAINED_TWICE:
            yield FinetuningSpec(weights_name(f"{name}-again", base), base, own, seed=1)
    if everything and base == BASES[0]:
        for number, name in enumerate(benign_names(base)):
            yield FinetuningSpec(name, base, (f"build/benign-{number:02}.jsonl",))


def control_sources(
    behaviours: Sequence[Behaviour], bases: Sequence[str], base: str
) -> tuple[str, ...]:
    """Names of the weights whose norms the random changes on a base take, in turn."""
    everything = base == bases[0]
    return tuple(
        weights_name(b.name, base)
        for b in behaviours
        if everything or b.name in FURTHER_BASE_BEHAVIOURS
    )


SHARED_CONFIG = {
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
"""Fields that the configurations of all bases have in common."""

CONFIGS: dict[str, dict[str, Any]] = {
    "tiny-qwen3": {
        "model_type": "qwen3",
        **SHARED_CONFIG,
        "intermediate_size": 384,
        "num_key_value_heads": 2,
        "head_dim": 32,
    },
    "tiny-neox": {
        "model_type": "gpt_neox",
        **SHARED_CONFIG,
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


def finetuning_recipe(training: FinetuningSpec) -> dict[str, Any]:
    """How an organism or a benign null is trained; the learning rate depends on the method."""
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
