"""The network and tokenizer that a recipe starts from."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from peft import LoraConfig, get_peft_model
from torch import nn
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    PreTrainedTokenizerBase,
)
from transformers.pytorch_utils import Conv1D

from diffkit.engine.forward.rotary import read_rows_alone
from diffkit.engine.loading import model_files, tokenizer_files
from diffkit.engine.loading.base_match.adapter_base import forward_fingerprint
from diffkit.engine.loading.full_model import read_network
from diffkit.errors import BadModel, UserError, first_line
from diffkit.options.yaml_records import path_from
from diffkit.organism import Source
from diffkit.training.recipe import Lora, Recipe


@dataclass(frozen=True)
class TrainingStart:
    """Where a training begins, on this machine."""

    folder: Path
    """Folder of the base, or of the tokenizer of a new model."""
    digest: str
    """Digest of the whole training."""
    base_fingerprint: str | None
    """Fingerprint of the base's weights; none for a new model."""
    base_forward_fingerprint: str | None = None
    """Fingerprint of what the base computes, which names of tokens do not change."""


def resolve_start(recipe: Recipe) -> TrainingStart:
    """Finds what ``recipe`` starts from and names the training by content.

    Raises:
        BadModel: the base cannot be found, or is an adapter.
        UserError: the tokenizer or a dataset cannot be found.
        BadFile: a data file cannot be read.
    """
    if recipe.base is not None:
        folder = model_files.resolve_source(recipe.base)
        if model_files.folder_kind(folder) == "adapter":
            what = f"start.base: {str(folder)!r} is an adapter, not a full model."
            raise BadModel(what, hint="Give the model that it changes, or merge it into that one.")
        print_ = model_files.fingerprint(folder)
        words = tokenizer_files.tokenizer_fingerprint(folder)
        computed = forward_fingerprint(folder)
        return TrainingStart(folder, recipe.digest(f"{print_}/{words}"), print_, computed)
    assert recipe.start.scratch is not None  # noqa: S101 - the recipe's validator holds it
    folder = path_from(recipe.root, recipe.start.scratch.tokenizer)
    found = tokenizer_files.tokenizer_fingerprint(folder)
    if found is None:
        raise UserError(
            f"There is no tokenizer in {str(folder)!r}.",
            hint="Make it first (the zoo's: `python -m diffkit_organisms.build OUT --seed 0`).",
        )
    return TrainingStart(folder, recipe.digest(found), None)


def load_network(recipe: Recipe, folder: Path, tokenizer: PreTrainedTokenizerBase) -> nn.Module:
    """The network of ``recipe`` with what it trains requiring gradients; seeds torch.

    Raises:
        BadModel: the base cannot be loaded.
        BadFile: one of its files is malformed.
        UserError: it lacks the modules that are to change.
    """
    torch.manual_seed(recipe.seed)
    if recipe.start.scratch is not None:
        config = AutoConfig.for_model(**recipe.start.scratch.config)
        dtype = getattr(torch, recipe.dtype)
        network: nn.Module = AutoModelForCausalLM.from_config(config, dtype=dtype)
        read_rows_alone(network)
    else:
        read = read_network(
            folder, device="cpu", dtype=recipe.dtype, attention=None, tokenizer=tokenizer
        )
        network = read.module.requires_grad_(True)  # the engine freezes what it reads
    if recipe.attention is not None:
        network.set_attn_implementation(recipe.attention)  # type: ignore[operator]
    return _add_adapter(network, recipe.method) if isinstance(recipe.method, Lora) else network


def _add_adapter(network: nn.Module, method: Lora) -> nn.Module:
    if not isinstance(method.modules, str):
        _check_modules(network, method.modules)
    config = LoraConfig(
        r=method.rank,
        lora_alpha=method.alpha,
        lora_dropout=method.dropout,
        target_modules=method.modules if isinstance(method.modules, str) else list(method.modules),
        task_type="CAUSAL_LM",
    )
    try:
        with warnings.catch_warnings():
            # what peft says of an option that it sets itself, by what each module is
            warnings.filterwarnings("ignore", message="fan_in_fan_out is set to")
            adapted: nn.Module = get_peft_model(network, config)
    except ValueError as error:  # such as for a module that is no layer
        what = f"method.modules: peft cannot change {method.modules!r} ({first_line(error)})."
        raise UserError(what, hint=_modules_hint(network)) from error
    return adapted


def _check_modules(network: nn.Module, modules: Sequence[str]) -> None:
    """Refuses names that no module has: peft overlooks one as long as another is found."""
    dotted = [f".{name}" for name, _ in network.named_modules()]
    for module in modules:
        if not any(name.endswith(f".{module}") for name in dotted):
            what = f"method.modules: the base has no module {module!r}."
            raise UserError(what, hint=_modules_hint(network))


def _modules_hint(network: nn.Module) -> str:
    linear = {
        name.rpartition(".")[2]
        for name, module in network.named_modules()
        if isinstance(module, nn.Linear | Conv1D)
    }
    return f"Take some of {', '.join(sorted(linear))}; or write all-linear."


def base_name(source: Source) -> str:
    """How an adapter names its base: hub id, or folder name; never a path of this machine."""
    return Path(source.at).name if Path(source.at).exists() else source.at
