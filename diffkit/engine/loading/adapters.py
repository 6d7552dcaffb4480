"""Stored adapters: which share the base's weights, which need a copy, and how they are attached."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from diffkit.engine.forward.finite import EARLIER_HINT, is_finite
from diffkit.engine.loading.base_match.adapter_base import refuse_other_base, vocabulary_rows
from diffkit.engine.loading.model_files import read_json, weight_files
from diffkit.engine.loading.refusals import MERGE_HINT, refuse_option, refuse_tensors, refuse_type
from diffkit.engine.loading.safetensors_header import read_header
from diffkit.engine.network import Network
from diffkit.errors import BadFile, BadModel, NonFinite, first_line

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
    vocab_rows: int | None = None
    """Rows of the vocabulary that it was trained with; none where it does not say."""

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
    refuse_other_base(folder, base)
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
    rows, own = vocabulary_rows(options, shapes, base)
    if None not in (rows, own) and rows != own:
        reasons.append(f"{rows} rows of vocabulary where the base has {own}")
    return AdapterPlan(folder, options, shapes, tuple(reasons), rows)


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
    """Resizes a copy of the base to the adapter's number of vocabulary rows, if it needs others."""
    module: Any = network.module
    if plan.vocab_rows not in (None, module.get_input_embeddings().weight.shape[0]):
        module.resize_token_embeddings(plan.vocab_rows, mean_resizing=False)
        module.requires_grad_(False)


def _load_tensors(network: Network, plan: AdapterPlan, name: str) -> None:
    """Loads the tensors, after comparing keys and shapes with those that peft made."""
    from peft import set_peft_model_state_dict
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    expected = _saved_shapes(network, name, embeddings=False)
    if not plan.shared:  # peft saves embeddings too, under several names, if they were resized
        also = _saved_shapes(network, name, embeddings=True)
        expected |= {key: also[key] for key in also.keys() & plan.shapes.keys()}
    _compare(plan, expected)
    try:
        tensors = {k: v for file in weight_files(plan.folder) for k, v in load_file(file).items()}
        _check_finite(plan, tensors)
        set_peft_model_state_dict(network.peft, tensors, adapter_name=name)
    except (SafetensorError, RuntimeError, KeyError) as error:
        what = f"{plan.folder} cannot be loaded ({first_line(error)})."
        raise BadModel(what, hint=MERGE_HINT) from error


def _saved_shapes(network: Network, name: str, *, embeddings: bool) -> dict[str, tuple[int, ...]]:
    """Shapes of the tensors that peft would save for the adapter as it now stands."""
    from peft import get_peft_model_state_dict

    # Given a state dict, peft skips a check that mistakes LoRA biases for broken shards.
    made = get_peft_model_state_dict(
        network.peft,
        state_dict=network.peft.state_dict(),
        adapter_name=name,
        save_embedding_layers=embeddings,
    )
    return {key: tuple(tensor.shape) for key, tensor in made.items()}


def _check_finite(plan: AdapterPlan, tensors: Mapping[str, Any]) -> None:
    for key, tensor in sorted(tensors.items()):
        if not is_finite(tensor):
            what = f"The finetuned side's weights are not finite: {plan.folder} holds NaN or "
            raise NonFinite(f"{what}infinity in {key}.", hint=EARLIER_HINT)


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
