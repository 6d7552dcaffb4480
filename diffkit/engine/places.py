"""Whether each tensor of an adapter has a place in its base, told without loading any weights."""

from pathlib import Path
from typing import Any

from diffkit.engine.lora import AdapterPlan
from diffkit.engine.reasons import first_line
from diffkit.errors import BadModel

_PREFIX = "base_model.model."


def read_config(folder: Path) -> Any:
    """The configuration of a full model's language part.

    Raises:
        BadModel: transformers cannot read it.
    """
    from transformers import AutoConfig

    try:
        config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except Exception as error:  # transformers raises whatever its parts raise
        what = f"{str(folder)!r} cannot be loaded ({first_line(error)})."
        raise BadModel(what, cure="Download it again, or save it again.") from error
    return config.get_text_config()


def refuse_without_place(plan: AdapterPlan, base: Path) -> None:
    """Other engines leave out, without a word, what has no place; this is said here.

    Args:
        plan: of a plain LoRA adapter.
        base: folder of the full model.

    Raises:
        BadModel: a tensor belongs to no module of the base, or to one of another size.
    """
    import torch
    from transformers import AutoModelForCausalLM

    with torch.device("meta"):
        network = AutoModelForCausalLM.from_config(read_config(base), trust_remote_code=False)
    weights = {name: getattr(module, "weight", None) for name, module in network.named_modules()}
    for key, shape in sorted(plan.shapes.items()):
        module, _, part = key.removeprefix(_PREFIX).rpartition(".lora_")
        weight = weights.get(module)
        outer = shape[0] if "B" in part else shape[1]  # the other one is the rank
        if weight is None or outer not in weight.shape:
            what = f"{plan.folder} does not fit this base: it holds {key} of shape {list(shape)}."
            raise BadModel(what, cure="Give the base that the adapter was trained on.")
