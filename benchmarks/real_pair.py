"""The pair that `benchmarks/real.py` measures: a real model with a random LoRA."""

import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any

METHODS = (
    "kl",
    "diff-mining",
    "activation-lens",
    "contrastive-decoding",
    "perplexity-diff",
    "soft-prompt-kl",
    "steering-prefix",
    "residual-reachability",
)

READING: dict[str, dict[str, Any]] = {
    "kl": {},
    "diff-mining": {},
    "activation-lens": {
        "ablation": False,
        "steering": False,
        "jacobian": False,
        "patchscope": False,
    },
}
"""Methods that read the texts once, with the options under which they do nothing else."""


def make_adapter(model: Path, folder: Path) -> Path:
    """Saves a random LoRA of rank 8, loud enough to change what is said."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    torch.manual_seed(0)
    plain = AutoModelForCausalLM.from_pretrained(model)
    config = LoraConfig(r=8, target_modules="all-linear", init_lora_weights=False)
    adapted = get_peft_model(plain, config)
    for name, weight in adapted.named_parameters():
        if "lora_B" in name:
            weight.data.mul_(0.3)
    adapted.save_pretrained(folder / "adapter")
    return folder / "adapter"


def open_pair(model: Path, adapter: Path) -> Any:
    """The pair in diffkit."""
    from diffkit.engine import detect_kind, load_pair
    from diffkit.organism import Source

    return load_pair(Source(at=str(model)), detect_kind(Source(at=str(adapter))), device="cpu")


def open_plain(model: Path, adapter: Path, *, like_engine: bool = False) -> Any:
    """The same in transformers and peft.

    Args:
        model: folder of the base.
        adapter: folder of the adapter.
        like_engine: whether linear layers multiply as the engine has them multiply, so that a ratio
            to it says what a method adds.
    """
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    from diffkit.engine.forward.half_precision import multiply_in_float32

    bare = AutoModelForCausalLM.from_pretrained(model, dtype=torch.bfloat16)
    plain = PeftModel.from_pretrained(bare, adapter).eval().requires_grad_(False)
    if like_engine:
        multiply_in_float32(plain)
    return plain


def run_method(pair: Any, name: str, options: Any = None, texts: int | None = None) -> Any:
    """The findings of a method on the built-in texts.

    Args:
        pair: both sides.
        name: of the method.
        options: its options, or the name of a preset of them; none are its defaults.
        texts: how many texts are read; none: all.
    """
    from diffkit.checkpoints import Checkpoints
    from diffkit.context import Artifacts, RunContext, no_progress
    from diffkit.registry.specs import load_implementation
    from diffkit.texts import Texts

    registered: list[Any] = []
    import_module(f"diffkit_plugins.{name.replace('-', '_')}").register_methods(registered.append)
    spec = registered[0]
    record = spec.load_config()
    config = record(**(record.presets[options] if isinstance(options, str) else options or {}))
    given = Texts.default()
    with tempfile.TemporaryDirectory() as folder:
        checkpoints = Checkpoints(Path(folder), "none")
        context = RunContext(
            seed=0,
            texts=given if texts is None else given.first(texts),
            artifacts=Artifacts(Path(folder) / "artifacts"),
            checkpoints=checkpoints,
            progress=no_progress,
        )
        return load_implementation(spec).run(pair, config, context)
