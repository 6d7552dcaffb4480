"""Stored adapters: which share the base's weights, which need a copy, and how they are attached."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from diffkit.engine.loading.model_files import fingerprint, read_json, weight_files
from diffkit.engine.loading.refusals import MERGE_HINT, refuse_option, refuse_tensors, refuse_type
from diffkit.engine.loading.safetensors_header import read_header
from diffkit.engine.network import Network
from diffkit.errors import BadFile, BadModel, first_line

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
        "lorap_emb_lr",  # learning rates of LoRA+
        "lorap_lr_ratio",
        "lorap_weight_decay",
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

_PREFIX = "base_model.model."
"""What peft puts before the names of tensors."""


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
    refusal = refuse_tensors(folder, shapes)
    if refusal is not None:
        raise refusal
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
        raise refuse_type(folder, peft_type)
    known = _HARMLESS | _OWN_COPY | {"bias"}
    for name in sorted(options):
        if options[name] and name not in known:
            raise refuse_option(folder, name)
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


def attach_adapter(network: Network, plan: AdapterPlan) -> str:
    """Attaches a stored adapter to a network and returns its opaque name there.

    Args:
        network: shared if the plan is; otherwise a copy of the base that nothing else uses.
        plan: from `plan_adapter`.

    Raises:
        BadModel: keys or shapes do not match the network exactly.
    """
    if not plan.shared:
        _fit_vocabulary(network, plan)
    try:
        name = network.add(_config(plan), own=not plan.shared)
    except (TypeError, ValueError, RuntimeError) as error:
        raise BadModel(
            f"{plan.folder} cannot be put on this base ({first_line(error)}).", hint=MERGE_HINT
        ) from error
    try:
        _load_tensors(network, plan, name)
    except BaseException:
        if plan.shared:
            network.delete(name)
        raise
    return name


def _config(plan: AdapterPlan) -> Any:
    from peft import LoraConfig

    dropped = {"auto_mapping", "corda_config", "eva_config", "lora_ga_config", "loftq_config"}
    dropped |= {"base_model_name_or_path", "revision", "peft_version", "megatron_core"}
    kept = {k: v for k, v in plan.options.items() if v is not None and k not in dropped}
    kept |= {"inference_mode": True, "lora_dropout": 0.0}
    if not plan.rewrites_base:
        kept["init_lora_weights"] = True  # every weight is overwritten; this start is the cheapest
    try:
        return LoraConfig(**{k: v for k, v in kept.items() if v or k in LoraConfig.__annotations__})
    except (TypeError, ValueError) as error:
        raise BadFile(
            plan.folder / "adapter_config.json", f"cannot be used ({first_line(error)})."
        ) from error


def _fit_vocabulary(network: Network, plan: AdapterPlan) -> None:
    """Resizes a copy of the base to the adapter's number of vocabulary rows, if it saved any."""
    module: Any = network.module
    embed = _PREFIX + network.architecture.embed
    for key in (f"{embed}.weight", f"{embed}.base_layer.weight"):
        rows = plan.shapes[key][0] if key in plan.shapes else module.config.vocab_size
        if rows != module.config.vocab_size:
            module.resize_token_embeddings(rows, mean_resizing=False)
            module.requires_grad_(False)


def _load_tensors(network: Network, plan: AdapterPlan, name: str) -> None:
    """Loads the tensors, after comparing keys and shapes with those that peft made."""
    from peft import get_peft_model_state_dict, set_peft_model_state_dict
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    # Given a state dict, peft skips a check that mistakes LoRA biases for broken shards.
    state = network.peft.state_dict()
    made = get_peft_model_state_dict(
        network.peft, state_dict=state, adapter_name=name, save_embedding_layers=False
    )
    expected = {key: tuple(tensor.shape) for key, tensor in made.items()}
    if not plan.shared:
        expected |= _saved_embeddings(network, plan)
    _compare(plan, expected)
    try:
        tensors = {k: v for file in weight_files(plan.folder) for k, v in load_file(file).items()}
        set_peft_model_state_dict(network.peft, tensors, adapter_name=name)
    except (SafetensorError, RuntimeError, KeyError) as error:
        what = f"{plan.folder} cannot be loaded ({first_line(error)})."
        raise BadModel(what, hint=MERGE_HINT) from error


def _saved_embeddings(network: Network, plan: AdapterPlan) -> dict[str, tuple[int, ...]]:
    """Shapes of the embeddings that the adapter saved besides LoRA weights."""
    state = network.peft.state_dict()
    parts = (network.architecture.embed, network.architecture.unembed)
    keys = {f"{_PREFIX}{part}{inner}.weight" for part in parts for inner in ("", ".base_layer")}
    return {key: tuple(state[key].shape) for key in keys & plan.shapes.keys() & state.keys()}


def _compare(plan: AdapterPlan, expected: Mapping[str, tuple[int, ...]]) -> None:
    for key in sorted(expected.keys() - plan.shapes.keys()):
        raise _mismatch(plan, f"it has no {key}, which its options ask for on this base")
    for key in sorted(plan.shapes.keys() - expected.keys()):
        raise _mismatch(plan, f"it holds {key}, which has no place in the base")
    for key in sorted(expected):
        if expected[key] != plan.shapes[key]:
            what = f"{key} has shape {list(plan.shapes[key])} where {list(expected[key])} belongs"
            raise _mismatch(plan, what)


def _mismatch(plan: AdapterPlan, what: str) -> BadModel:
    hint = "Give the base that the adapter was trained on."
    return BadModel(f"{plan.folder} does not fit this base: {what}.", hint=hint)
