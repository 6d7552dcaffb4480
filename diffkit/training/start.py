"""The network and tokenizer that a recipe starts from."""

from dataclasses import dataclass
from pathlib import Path

import torch
from peft import LoraConfig, get_peft_model
from torch import nn
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoTokenizer,
    PreTrainedTokenizerBase,
)

from diffkit.engine import weights
from diffkit.errors import UserError
from diffkit.organism import Source
from diffkit.training.recipe import Lora, Recipe


@dataclass(frozen=True)
class Beginning:
    """Where a training begins, on this machine."""

    folder: Path
    """Folder of the base, or of the tokenizer of a new model."""
    digest: str
    """Digest of the whole training."""
    base_fingerprint: str | None
    """Fingerprint of the base's weights; none for a new model."""


def beginning(recipe: Recipe) -> Beginning:
    """Finds what ``recipe`` starts from and names the training by content.

    Raises:
        BadModel: the base or the tokenizer cannot be found.
        BadFile: a data file cannot be read.
    """
    if recipe.base is not None:
        folder = weights.resolve(recipe.base)
        print_ = weights.fingerprint(folder)
        words = weights.tokenizer_fingerprint(folder)
        return Beginning(folder, recipe.digest(f"{print_}/{words}"), print_)
    assert recipe.start.scratch is not None  # noqa: S101 - the recipe's validator holds it
    folder = recipe.root / recipe.start.scratch.tokenizer
    found = weights.tokenizer_fingerprint(folder)
    if found is None:
        raise UserError(
            f"There is no tokenizer in {str(folder)!r}.",
            cure="Make it first (the zoo's: `python -m diffkit_organisms.world OUT --seed 0`).",
        )
    return Beginning(folder, recipe.digest(found), None)


def load_tokenizer(folder: Path) -> PreTrainedTokenizerBase:
    """The tokenizer of a folder."""
    tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(
        folder, trust_remote_code=False
    )
    return tokenizer


def load_network(recipe: Recipe, folder: Path) -> nn.Module:
    """The network of ``recipe`` with what it trains requiring gradients; seeds torch."""
    dtype = getattr(torch, recipe.dtype)
    torch.manual_seed(recipe.seed)
    if recipe.start.scratch is not None:
        config = AutoConfig.for_model(**recipe.start.scratch.config)
        network: nn.Module = AutoModelForCausalLM.from_config(config, dtype=dtype)
    else:
        network = AutoModelForCausalLM.from_pretrained(
            folder, dtype=dtype, use_safetensors=True, trust_remote_code=False
        )
    return _adapted(network, recipe.method) if isinstance(recipe.method, Lora) else network


def _adapted(network: nn.Module, method: Lora) -> nn.Module:
    config = LoraConfig(
        r=method.rank,
        lora_alpha=method.alpha,
        lora_dropout=method.dropout,
        target_modules=method.modules if isinstance(method.modules, str) else list(method.modules),
        task_type="CAUSAL_LM",
    )
    adapted: nn.Module = get_peft_model(network, config)
    return adapted


def base_name(source: Source) -> str:
    """How an adapter names its base: hub id, or folder name; never a path of this machine."""
    return Path(source.at).name if Path(source.at).exists() else source.at
