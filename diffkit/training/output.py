"""Finished trainings on disk: whether one is there, and how one is put there."""

import contextlib
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torch import nn
from transformers import PreTrainedTokenizerBase

from diffkit.context import Checkpoints
from diffkit.engine.reading import quiet
from diffkit.engine.weights import read_json
from diffkit.errors import BadFile, UserError
from diffkit.training.number_format import store_as
from diffkit.training.recipe import Recipe
from diffkit.training.start import Beginning, base_name

RECORD = "diffkit.json"
"""File that says how a folder was trained."""
_ELSEWHERE = "Give the recipe an `output` that does not exist yet."


def spare_inputs(recipe: Recipe, start: Path) -> None:
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
            raise UserError(f"{what}, which the training needs.", cure=_ELSEWHERE)


def spare_foreign(folder: Path) -> None:
    """Refuses a ``folder`` that holds anything but a training; an empty one is free.

    Raises:
        UserError: something else is there.
    """
    if not folder.exists() or (folder / RECORD).exists():
        return
    if not folder.is_dir() or any(folder.iterdir()):
        what = f"{str(folder)!r} exists and was not trained by diffkit."
        raise UserError(what, cure=_ELSEWHERE)


def finished(folder: Path, digest: str) -> dict[str, Any] | None:
    """The record of the training in ``folder`` if it is the one of ``digest``; none if empty.

    Raises:
        UserError: something else is there, or its record is damaged.
    """
    spare_foreign(folder)
    if not (folder / RECORD).exists():
        return None
    cure = "Train with `--fresh` to replace it, or give the recipe another `output`."
    try:
        record = read_json(folder / RECORD)
    except BadFile as error:  # its cure is for a model's files
        raise UserError(error.what, cure=cure) from error
    if record.get("recipe_digest") != digest:
        what = f"{str(folder)!r} was trained by another recipe, from another base or on other data."
        raise UserError(what, cure=cure)
    if not (isinstance(losses := record.get("losses"), list) and losses):
        raise UserError(f"{folder / RECORD}: losses: {losses!r} are none.", cure=cure)
    return record


def write(
    network: nn.Module,
    tokenizer: PreTrainedTokenizerBase,
    recipe: Recipe,
    *,
    begun: Beginning,
    losses: Sequence[float],
    work: Path,
) -> None:
    """Saves the model beside its record in ``work`` and renames it into place."""
    fresh = work / "finished"
    shutil.rmtree(fresh, ignore_errors=True)
    if recipe.method.kind == "lora":
        network.save_pretrained(fresh, save_embedding_layers=False)  # type: ignore[operator]
        (fresh / "README.md").unlink(missing_ok=True)  # peft's empty model card
        _tidy(fresh / "adapter_config.json", recipe)
    else:
        with quiet():
            network.save_pretrained(fresh)  # type: ignore[operator]
        tokenizer.save_pretrained(fresh)
    if recipe.save_dtype is not None:
        store_as(fresh, recipe.save_dtype)
    record = {
        "recipe": recipe.model_dump(mode="json"),
        "recipe_digest": begun.digest,
        "base_fingerprint": begun.base_fingerprint,
        "steps": recipe.steps,
        "losses": [round(loss, 4) for loss in losses],
    }
    (fresh / RECORD).write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    for file in fresh.iterdir():
        file.chmod(0o644)  # safetensors writes for the owner alone
    _place(fresh, recipe.folder, work)


def _tidy(config: Path, recipe: Recipe) -> None:
    """Makes peft's file the same on every machine: no local path, no order of a set."""
    fields = json.loads(config.read_text(encoding="utf-8"))
    assert recipe.base is not None  # noqa: S101 - the recipe's validator holds it
    fields["base_model_name_or_path"] = base_name(recipe.base)
    if isinstance(fields["target_modules"], list):
        fields["target_modules"].sort()
    config.write_text(json.dumps(fields, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def _place(fresh: Path, place: Path, work: Path) -> None:
    spare_foreign(place)  # once more: much can be put there while a training runs
    old = work / "replaced"
    shutil.rmtree(old, ignore_errors=True)
    place.parent.mkdir(parents=True, exist_ok=True)
    if place.exists():
        place.rename(old)
    fresh.rename(place)
    forget(work)


def forget(work: Path) -> None:
    """Removes what trainings put into ``work``, and no file that someone else has put there."""
    Checkpoints(work).clear()
    for name in ("finished", "replaced"):
        shutil.rmtree(work / name, ignore_errors=True)
    with contextlib.suppress(OSError):
        work.rmdir()
