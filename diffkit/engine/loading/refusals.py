"""Errors of model folders and adapters that cannot be used, each with what helps."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from diffkit.errors import BadFile, BadModel

MERGE_HINT = "Merge it with merge_and_unload(), save the result and give that as a full model."

_PROMPTS = frozenset(
    {"ADAPTION_PROMPT", "CARTRIDGE", "CPT", "MULTITASK_PROMPT_TUNING", "PREFIX_TUNING"}
    | {"PROMPT_TUNING", "P_TUNING"}
)
"""Types that put states before a text, so that no weights of a full model are equal to them."""

_ROUTED = frozenset({"ALORA", "POLY", "SHADOW", "XLORA", "alora_invocation_tokens", "arrow_config"})
"""Types and options by which a text decides what is added, so that no weights are equal to it."""

_PREFIX = "base_model.model."

_MARK = b"\xef\xbb\xbf"


def refuse_type(folder: Path, peft_type: object) -> BadModel:
    """The error of an adapter that is no LoRA."""
    what = f"{folder} is an adapter of type {peft_type!r}, not LORA."
    if peft_type in _PROMPTS:
        hint = "It changes what the model reads and no weights, and cannot be merged: give a LoRA."
        return BadModel(what, hint=hint)
    return BadModel(what, hint=_merge_hint(peft_type))


def refuse_option(folder: Path, name: str) -> BadModel:
    """The error of a LoRA with an option that is not read."""
    what = f"{folder} is a LoRA with {name}, which diffkit does not read."
    return BadModel(what, hint=_merge_hint(name))


def _merge_hint(kind: object) -> str:
    if kind in _ROUTED:
        return "What it adds depends on the text, so it cannot be merged: give a plain LoRA."
    return MERGE_HINT


def refuse_tensors(folder: Path, shapes: Mapping[str, Sequence[int]]) -> BadModel | None:
    """The error of an adapter's file that was not saved as peft saves it; none if it was."""
    empty = [name for name, shape in sorted(shapes.items()) if 0 in shape]
    if empty or not shapes:
        what = f"{empty[0]} is empty" if empty else "it holds no tensors"
        hint = (
            "DeepSpeed's ZeRO-3 saves such files where the weights are not gathered: take its "
            "checkpoint and run zero_to_fp32.py in it, or train again with "
            "stage3_gather_16bit_weights_on_model_save."
        )
        return BadModel(f"{folder} was saved without its weights: {what}.", hint=hint)
    if not any(name.startswith(_PREFIX) for name in shapes):
        hint = f"Save it with peft's save_pretrained(), whose keys begin with {_PREFIX}"
        return BadModel(f"{folder} has keys that are not peft's: {min(shapes)}.", hint=hint)
    named = next((name for name in sorted(shapes) if _adapter_name(name)), None)
    if named is None:
        return None
    part = f".{_adapter_name(named)}"
    hint = (
        f"Rename the keys, without {part!r}, as model.save_pretrained() does: "
        "save_file({k.replace(" + f"{part!r}, ''" + "): v for k, v in load_file(f).items()}, f) "
        "with safetensors.torch."
    )
    return BadModel(f"{folder} names an adapter in its keys: {named}.", hint=hint)


def _adapter_name(key: str) -> str:
    """The adapter's name in a key such as ``…lora_A.default.weight``; empty without one."""
    for part in ("lora_A", "lora_B"):
        before, found, rest = key.partition(f".{part}.")
        if before and found and rest not in {"weight", "bias"} and "." in rest:
            return rest.rpartition(".")[0]
    return ""


def refuse_without_safetensors(folder: Path) -> BadModel:
    """The error of a folder that holds no safetensors."""
    if packed := sorted(folder.glob("*.gguf")):
        what = f"{str(folder)!r} holds no .safetensors weights, but {packed[0].name}."
        return BadModel(what, hint=f"Give that file: {packed[0]}")
    old = sorted(p.name for p in folder.iterdir() if p.suffix in {".bin", ".pt", ".pth", ".ckpt"})
    having = f" (it has {old[0]}, and reading that can run code)" if old else ""
    what = f"{str(folder)!r} holds no .safetensors weights{having}."
    inside = sorted({p.parent for p in folder.glob("*/*.safetensors")}, key=_order)
    if inside:
        return BadModel(what, hint=f"Give a folder inside it, such as {inside[-1]}")
    if old:
        hint = "diffkit reads safetensors only; save it again with save_pretrained()."
        return BadModel(what, hint=hint)
    hint = "Give the folder that save_pretrained() wrote, or download it again."
    return BadModel(what, hint=hint)


def _order(folder: Path) -> tuple[int, str]:
    """Checkpoints by their steps, the last one at the end."""
    step = folder.name.rpartition("-")[2]
    return (int(step) if step.isdigit() else -1, folder.name)


def refuse_without_weights(folder: Path, single: str, index: str) -> BadModel:
    """The error of a folder that has safetensors, and not those that are loaded."""
    what = f"{str(folder)!r} has neither {single} nor {index}."
    if single.startswith("adapter") and (folder / "config.json").exists():
        left = folder / "adapter_config.json"
        hint = f"If its weights are merged, remove what is left of the adapter: rm '{left}'"
        return BadModel(what, hint=hint)
    return BadModel(what, hint="Save it again with save_pretrained(), or download it again.")


def refuse_byte_order_mark(folder: Path) -> BadFile | None:
    """The error of a JSON file that begins with a byte order mark; none where none does."""
    for path in sorted(folder.glob("*.json")):
        with path.open("rb") as file:
            if file.read(len(_MARK)) == _MARK:
                what = "begins with a byte order mark, which transformers cannot read."
                hint = f"Remove it: sed -i '1s/^\\xef\\xbb\\xbf//' '{path}'"
                return BadFile(path, what, hint=hint)
    return None
