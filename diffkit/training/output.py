"""A training's output folder: whether a finished training is there, and how one is written."""

import contextlib
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import PreTrainedTokenizerBase

from diffkit.checkpoints import Checkpoints
from diffkit.engine.forward.finite import is_finite
from diffkit.engine.loading.full_model import without_progress_bars
from diffkit.engine.loading.model_files import folder_kind, read_json, weight_files
from diffkit.errors import BadFile, RunFailed, UserError
from diffkit.training.recipe import Recipe
from diffkit.training.start import TrainingStart, base_name


def convert_dtype(folder: Path, name: str) -> None:
    """Rewrites the floating-point tensors in ``folder``, file by file, and what says their format.

    Args:
        folder: an adapter or a full model, freshly saved.
        name: the number format, such as ``float16``.

    Raises:
        RunFailed: a weight is too large for it.
    """
    dtype: torch.dtype = getattr(torch, name)
    size = 0
    for file in weight_files(folder):
        tensors = {key: _cast(key, tensor, dtype) for key, tensor in load_file(file).items()}
        save_file(tensors, file, metadata={"format": "pt"})
        size += sum(tensor.nbytes for tensor in tensors.values())
    if folder_kind(folder) == "adapter":
        return  # its configuration names no format
    _update_json(folder / "config.json", {"dtype": name})
    index = folder / "model.safetensors.index.json"
    if index.exists():
        _update_json(index, {"metadata": read_json(index)["metadata"] | {"total_size": size}})


def _cast(key: str, tensor: Tensor, dtype: torch.dtype) -> Tensor:
    if not tensor.is_floating_point():
        return tensor
    cast = tensor.to(dtype)
    if not bool(cast.isfinite().all()):
        what = f"{key} holds {float(tensor.abs().max()):.3g}, which {dtype} cannot hold."
        raise RunFailed(what, hint="Use save_dtype: bfloat16, or leave it out.")
    return cast


def _update_json(path: Path, fields: dict[str, object]) -> None:
    changed = json.dumps(read_json(path) | fields, indent=2, sort_keys=True) + "\n"
    path.write_text(changed, encoding="utf-8")


RECORD = "diffkit.json"
"""File that says how a folder was trained."""

_OUTPUT_HINT = "Give the recipe an `output` that does not exist yet."


def check_inputs_kept(recipe: Recipe, start: Path) -> None:
    """Refuses an ``output`` whose replacement would take away what the training starts from.

    Args:
        recipe: what is to be trained.
        start: folder of the base, or of the tokenizer of a new model.

    Raises:
        UserError: ``output`` is, or contains, the recipe's folder, data or ``start``.
    """
    place = recipe.folder.resolve()
    places = (data.place(recipe.root) for data in recipe.data)
    for needed in (recipe.root, start, *(place for place in places if place is not None)):
        if needed.resolve().is_relative_to(place):
            what = f"The output {str(recipe.folder)!r} is or contains {str(needed)!r}"
            raise UserError(f"{what}, which the training needs.", hint=_OUTPUT_HINT)


def check_folder_ours(folder: Path) -> None:
    """Refuses a ``folder`` that holds anything but a training; an empty one is free.

    Raises:
        UserError: something else is there.
    """
    if not folder.exists() or (folder / RECORD).exists():
        return
    if not folder.is_dir() or any(folder.iterdir()):
        what = f"{str(folder)!r} exists and was not trained by diffkit."
        raise UserError(what, hint=_OUTPUT_HINT)


def read_finished(folder: Path, digest: str) -> dict[str, Any] | None:
    """The record of the training in ``folder`` if it is the one of ``digest``; none if empty.

    Raises:
        UserError: something else is there, or its record is damaged.
    """
    check_folder_ours(folder)
    if not (folder / RECORD).exists():
        return None
    hint = "Train with `--fresh` to replace it, or give the recipe another `output`."
    try:
        record = read_json(folder / RECORD)
    except BadFile as error:  # its hint is for a model's files
        raise UserError(error.what, hint=hint) from error
    if record.get("recipe_digest") != digest:
        what = f"{str(folder)!r} was trained by another recipe, from another base or on other data."
        raise UserError(what, hint=hint)
    if not (isinstance(losses := record.get("losses"), list) and losses):
        raise UserError(f"{folder / RECORD}: losses: {losses!r} are none.", hint=hint)
    return record


def write(
    network: nn.Module,
    tokenizer: PreTrainedTokenizerBase,
    recipe: Recipe,
    *,
    begun: TrainingStart,
    losses: Sequence[float],
    work: Path,
) -> None:
    """Saves the model beside its record in ``work`` and renames it into place.

    Raises:
        RunFailed: a trained weight is NaN or infinite, or too large for its stored format.
    """
    check_weights_finite(network)
    fresh = work / "finished"
    shutil.rmtree(fresh, ignore_errors=True)
    if recipe.method.kind == "lora":
        network.save_pretrained(fresh, save_embedding_layers=False)  # type: ignore[operator]
        (fresh / "README.md").unlink(missing_ok=True)  # peft's empty model card
        _normalize_adapter_config(fresh / "adapter_config.json", recipe)
    else:
        with without_progress_bars():
            network.save_pretrained(fresh)  # type: ignore[operator]
        tokenizer.save_pretrained(fresh)
    if recipe.save_dtype is not None:
        convert_dtype(fresh, recipe.save_dtype)
    record = {
        "recipe": recipe.model_dump(mode="json"),
        "recipe_digest": begun.digest,
        "base_fingerprint": begun.base_fingerprint,
        "base_forward_fingerprint": begun.base_forward_fingerprint,
        "steps": recipe.steps,
        "losses": [round(loss, 4) for loss in losses],
    }
    (fresh / RECORD).write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    for file in fresh.iterdir():
        file.chmod(0o644)  # safetensors writes for the owner alone
    _move_into_place(fresh, recipe.folder, work)


def check_weights_finite(network: nn.Module) -> None:
    """Refuses to save a diverged training.

    Raises:
        RunFailed: a trained weight is NaN or infinite.
    """
    for name, parameter in network.named_parameters():
        if parameter.requires_grad and not is_finite(parameter):
            what = f"The training diverged: {name} holds NaN or infinity, so nothing is saved."
            raise RunFailed(what, hint="Lower learning_rate, or raise warmup.")


def _normalize_adapter_config(config: Path, recipe: Recipe) -> None:
    """Makes peft's file the same on every machine: no local path, no order of a set."""
    fields = json.loads(config.read_text(encoding="utf-8-sig"))
    assert recipe.base is not None  # noqa: S101 - the recipe's validator holds it
    fields["base_model_name_or_path"] = base_name(recipe.base)
    if isinstance(fields["target_modules"], list):
        fields["target_modules"].sort()
    config.write_text(json.dumps(fields, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def _move_into_place(fresh: Path, place: Path, work: Path) -> None:
    check_folder_ours(place)  # once more: much can be put there while a training runs
    old = work / "replaced"
    shutil.rmtree(old, ignore_errors=True)
    place.parent.mkdir(parents=True, exist_ok=True)
    if place.exists():
        place.rename(old)
    fresh.rename(place)
    clean_work_folder(work)


def clean_work_folder(work: Path) -> None:
    """Removes what trainings put into ``work``, and no file that someone else has put there."""
    Checkpoints(work).clear()
    for name in ("finished", "replaced"):
        shutil.rmtree(work / name, ignore_errors=True)
    with contextlib.suppress(OSError):
        work.rmdir()
