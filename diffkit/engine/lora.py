"""Adapters: which can share the base's weights, which need a copy, and which are refused."""

from collections.abc import Mapping
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from typing import Any

from diffkit.engine.network import Network
from diffkit.engine.stored import read_header
from diffkit.engine.weights import fingerprint, read_json, weight_files
from diffkit.errors import BadFile, BadModel

_HARMLESS = frozenset(
    {  # where the weights came from, and what only training or initialisation reads
        "alpha_pattern",
        "auto_mapping",
        "base_model_name_or_path",
        "corda_config",
        "eva_config",
        "exclude_modules",
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
"""Options that change the base's own weights, or add parts that switching does not take off."""
_PLAIN_KEYS = (".lora_A.weight", ".lora_B.weight", ".lora_embedding_A", ".lora_embedding_B")
_PREFIX = "base_model.model."
_MERGE = "Merge it with merge_and_unload(), save the result and give that as a full model."


@dataclass(frozen=True)
class AdapterPlan:
    """How an adapter is put on its base."""

    folder: Path
    """Where it lies."""
    options: Mapping[str, Any]
    """Its adapter_config.json."""
    shapes: Mapping[str, tuple[int, ...]]
    """Shapes of its tensors, by name."""
    reasons: tuple[str, ...]
    """Why it needs its own copy of the base; empty where it is plain LoRA and can share one."""

    @property
    def shared(self) -> bool:
        """Whether the base's weights serve both sides."""
        return not self.reasons


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
    if _rewrites_base(options):
        reasons.append("init_lora_weights")
    if not all(name.endswith(_PLAIN_KEYS) for name in shapes):
        reasons.append("saved weights besides LoRA's")
    return AdapterPlan(folder, options, shapes, tuple(reasons))


def _rewrites_base(options: Mapping[str, Any]) -> bool:
    """Whether peft subtracts the initial adapter from the base when it loads this one."""
    start = options.get("init_lora_weights")
    return start in {"pissa", "olora"}


def _refuse_unknown(folder: Path, options: Mapping[str, Any]) -> None:
    peft_type = options.get("peft_type")
    if peft_type != "LORA":
        raise BadModel(f"{folder} is an adapter of type {peft_type!r}, not LORA.", cure=_MERGE)
    known = _HARMLESS | _OWN_COPY | {"bias"}
    for name in sorted(options):
        if options[name] and name not in known:
            what = f"{folder} is a LoRA with {name}, which diffkit does not read."
            raise BadModel(what, cure=_MERGE)
    start = options.get("init_lora_weights", True)
    if start not in (True, False, None, "gaussian", "eva", "orthogonal", "pissa", "olora"):
        what = f"{folder} was started with init_lora_weights={start!r}, which changes the base."
        raise BadModel(what, cure=_MERGE)


def _refuse_other_base(folder: Path, base: Path) -> None:
    note = folder / "diffkit.json"
    if not note.exists():
        return
    trained_on = read_json(note).get("base_fingerprint")
    if trained_on is not None and trained_on != fingerprint(base):
        raise BadModel(
            f"{folder} was trained on another base than {base} (the fingerprints differ).",
            cure="Give the base that it was trained on.",
        )


def attach(network: Network, plan: AdapterPlan) -> str:
    """Puts a stored adapter on a network and returns its opaque name there.

    Args:
        network: shared where the plan is; else a copy of the base that nothing else uses.
        plan: from `plan_adapter`.

    Raises:
        BadModel: keys or shapes do not match the network exactly.
    """
    if not plan.shared:
        _fit_vocabulary(network, plan)
    _check_modules(network, plan)
    try:
        name = network.add(_config(plan), own=not plan.shared)
    except (TypeError, ValueError, RuntimeError) as error:
        raise BadModel(
            f"{plan.folder} cannot be put on this base ({error}).", cure=_MERGE
        ) from error
    try:
        _fill(network, plan, name)
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
    if not _rewrites_base(plan.options):
        kept["init_lora_weights"] = True  # every weight is overwritten; this start is the cheapest
    try:
        return LoraConfig(**{k: v for k, v in kept.items() if v or k in LoraConfig.__annotations__})
    except (TypeError, ValueError) as error:
        raise BadFile(plan.folder / "adapter_config.json", f"cannot be used ({error}).") from error


def _fit_vocabulary(network: Network, plan: AdapterPlan) -> None:
    """Gives a copy of the base the adapter's number of vocabulary rows, where it saved any."""
    module: Any = network.module
    embed = _PREFIX + network.architecture.embed
    for key in (f"{embed}.weight", f"{embed}.base_layer.weight"):
        if (
            key in plan.shapes
            and plan.shapes[key][0] != module.get_input_embeddings().weight.shape[0]
        ):
            module.resize_token_embeddings(plan.shapes[key][0], mean_resizing=False)
            module.requires_grad_(False)


def _check_modules(network: Network, plan: AdapterPlan) -> None:
    """Finds adapters of another base before anything is changed."""
    for key, shape in plan.shapes.items():
        path, found, _ = key.removeprefix(_PREFIX).partition(".lora_")
        if not found:
            continue
        try:
            weight = attrgetter(path)(network.module).weight
        except AttributeError as error:
            raise _mismatch(plan, f"it changes {path}, which the base does not have") from error
        rows, columns = weight.shape
        fits = {".lora_A.weight": (1, columns), ".lora_B.weight": (0, rows)}
        for end, (axis, length) in fits.items():
            if key.endswith(end) and shape[axis] != length:
                what = (
                    f"{key} has shape {list(shape)} where the base's weight has {[rows, columns]}"
                )
                raise _mismatch(plan, what)


def _fill(network: Network, plan: AdapterPlan, name: str) -> None:
    """Loads the tensors, after comparing keys and shapes with what peft made."""
    from peft import get_peft_model_state_dict, set_peft_model_state_dict
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    # With a state that it did not read itself, peft leaves out a check that takes LoRA biases for
    # broken shards.
    state = network.peft.state_dict()
    made = get_peft_model_state_dict(
        network.peft, state_dict=state, adapter_name=name, save_embedding_layers=False
    )
    expected = {key: tuple(tensor.shape) for key, tensor in made.items()}
    if not plan.shared:
        expected |= _saved_embeddings(network, plan)
    _compare(plan, expected)
    for file in weight_files(plan.folder):
        try:
            set_peft_model_state_dict(network.peft, load_file(file), adapter_name=name)
        except (SafetensorError, RuntimeError, KeyError) as error:
            raise BadModel(f"{plan.folder} cannot be loaded ({error}).", cure=_MERGE) from error


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
    cure = "Give the base that the adapter was trained on."
    return BadModel(f"{plan.folder} does not fit this base: {what}.", cure=cure)
