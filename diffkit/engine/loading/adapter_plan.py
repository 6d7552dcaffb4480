"""Which adapters can share the base's weights, which need a copy, which are refused."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from diffkit.engine.loading.model_files import fingerprint, read_json, weight_files
from diffkit.engine.loading.safetensors_header import read_header
from diffkit.errors import BadModel

_HARMLESS = frozenset(
    {  # provenance of the weights, and options of training or initialisation only
        "alpha_pattern",
        "auto_mapping",
        "base_model_name_or_path",
        "corda_config",
        "eva_config",
        "exclude_modules",
        "fan_in_fan_out",  # peft sets it by what each module is
        "inference_mode",
        "init_lora_weights",
        "layers_pattern",
        "layers_to_transform",
        "lora_alpha",
        "lora_dropout",
        "lora_ga_config",
        "loftq_config",
        "megatron_core",
        "peft_type",
        "peft_version",
        "qalora_group_size",
        "r",
        "rank_pattern",
        "revision",
        "target_modules",
        "task_type",
        "use_rslora",
    }
)

_OWN_COPY = frozenset(
    {
        "ensure_weight_tying",
        "lora_bias",
        "modules_to_save",
        "trainable_token_indices",
        "use_dora",
    }
)
"""Options that change the base's own weights, or add parts that switching does not remove."""

_PLAIN_STARTS = (True, False, None, "gaussian", "eva", "orthogonal")

_REWRITING = ("pissa", "olora")
"""Initialisations that subtract the initial LoRA from the base; others need training data."""

_PLAIN_KEYS = (".lora_A.weight", ".lora_B.weight", ".lora_embedding_A", ".lora_embedding_B")

MERGE_HINT = "Merge it with merge_and_unload(), save the result and give that as a full model."


@dataclass(frozen=True)
class AdapterPlan:
    """How an adapter is attached to its base."""

    folder: Path
    """The adapter's folder."""
    options: Mapping[str, Any]
    """Its adapter_config.json."""
    shapes: Mapping[str, tuple[int, ...]]
    """Shapes of its tensors, by name."""
    reasons: tuple[str, ...]
    """Why it needs its own copy of the base; empty for plain LoRA, which shares the base."""

    @property
    def shared(self) -> bool:
        """Whether both sides share the base's weights."""
        return not self.reasons

    @property
    def rewrites_base(self) -> bool:
        """Whether peft subtracts the initial adapter from the base when it loads this one."""
        return self.options.get("init_lora_weights") in _REWRITING


def plan_adapter(folder: Path, base: Path) -> AdapterPlan:
    """Decides how an adapter can be used.

    Raises:
        BadModel: it is of a kind that diffkit does not read, or was trained on another base.
        BadFile: one of its files is malformed.
    """
    options = read_json(folder / "adapter_config.json")
    _refuse_unknown(folder, options)
    _refuse_other_base(folder, base)
    files = weight_files(folder)
    shapes = {tensor.name: tensor.shape for file in files for tensor in read_header(file)}
    reasons = [name for name in sorted(_OWN_COPY) if options.get(name)]
    if options.get("bias", "none") != "none":
        reasons.append("bias")
    if options.get("init_lora_weights") in _REWRITING:
        reasons.append("init_lora_weights")
    if not all(name.endswith(_PLAIN_KEYS) for name in shapes):
        reasons.append("saved weights besides LoRA's")
    return AdapterPlan(folder, options, shapes, tuple(reasons))


def _refuse_unknown(folder: Path, options: Mapping[str, Any]) -> None:
    peft_type = options.get("peft_type")
    if peft_type != "LORA":
        raise BadModel(f"{folder} is an adapter of type {peft_type!r}, not LORA.", hint=MERGE_HINT)
    known = _HARMLESS | _OWN_COPY | {"bias"}
    for name in sorted(options):
        if options[name] and name not in known:
            what = f"{folder} is a LoRA with {name}, which diffkit does not read."
            raise BadModel(what, hint=MERGE_HINT)
    start = options.get("init_lora_weights", True)
    if start not in (*_PLAIN_STARTS, *_REWRITING):
        what = f"{folder} was started with init_lora_weights={start!r}, which changes the base."
        raise BadModel(what, hint=MERGE_HINT)


def _refuse_other_base(folder: Path, base: Path) -> None:
    note = folder / "diffkit.json"
    if not note.exists():
        return
    trained_on = read_json(note).get("base_fingerprint")
    if trained_on is not None and trained_on != fingerprint(base):
        raise BadModel(
            f"{folder} was trained on another base than {base} (the fingerprints differ).",
            hint="Give the base that it was trained on.",
        )
