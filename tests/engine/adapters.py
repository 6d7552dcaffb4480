"""Makes adapters of every kind, and loads the finetuned model the plain way to compare with."""

from pathlib import Path

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM

from diffkit.engine import load_pair
from diffkit.organism import Adapter, Source

TARGETS = {
    "qwen3": ["q_proj", "down_proj"],
    "gpt_neox": ["query_key_value", "dense_4h_to_h"],
}
EMBED = {"qwen3": "embed_tokens", "gpt_neox": "embed_in"}
HEAD = {"qwen3": "lm_head", "gpt_neox": "lm_head"}


def plain(folder: Path):
    return AutoModelForCausalLM.from_pretrained(folder).eval()


def make_adapter(base: Path, folder: Path, kind="qwen3", seed=1, rows=None, **options) -> Path:
    """Saves an adapter whose every trained weight is random."""
    torch.manual_seed(seed)
    model = plain(base)
    if rows:
        model.resize_token_embeddings(rows, mean_resizing=False)
    save = options.pop("save_embedding_layers", False)
    options = {
        "r": 3,
        "lora_alpha": 5,
        "target_modules": TARGETS.get(kind, "all-linear"),
        **options,
    }
    model = get_peft_model(model, LoraConfig(**options))
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data += 0.2 * torch.randn_like(parameter)
    if rows:
        model.get_input_embeddings().weight.data += 0.1
    model.save_pretrained(folder, save_embedding_layers=save)
    return folder


def separately(base: Path, adapter: Path, rows=None):
    """The finetuned model as a user of peft would load it."""
    model = plain(base)
    if rows:
        model.resize_token_embeddings(rows, mean_resizing=False)
    return PeftModel.from_pretrained(model, adapter).eval()


def arguments(inputs):
    """A batch in transformers' words."""
    return {
        "input_ids": inputs.ids,
        "attention_mask": inputs.mask.long(),
        "position_ids": inputs.positions,
    }


def pair_of(base: Path, adapter: Path, **options):
    source = Adapter(source=Source(at=str(adapter)))
    return load_pair(Source(at=str(base)), source, **options)
