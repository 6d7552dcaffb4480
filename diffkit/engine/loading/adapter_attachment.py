"""Attaches a stored adapter to a network, or refuses it where it does not fit exactly."""

from collections.abc import Mapping
from typing import Any

from diffkit.engine.loading.adapter_plan import MERGE_HINT, AdapterPlan
from diffkit.engine.loading.model_files import weight_files
from diffkit.engine.network import Network
from diffkit.errors import BadFile, BadModel, first_line

_PREFIX = "base_model.model."


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
