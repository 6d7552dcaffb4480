"""What a training would make: steps, and where it stands. Trains and writes nothing."""

from dataclasses import dataclass
from pathlib import Path

from diffkit.checkpoints import Checkpoints
from diffkit.engine.loading.model_files import NotDownloaded, without_downloads
from diffkit.runs.lease import is_held
from diffkit.training.output import check_folder_ours, check_inputs_kept, read_finished
from diffkit.training.recipe import Recipe
from diffkit.training.start import resolve_start


@dataclass(frozen=True)
class TrainingForecast:
    """What one training would make."""

    folder: Path
    """Folder of the model or adapter."""
    start: str
    """Folder of the base, or of the tokenizer of a new model; the hub id of a base to download."""
    state: str
    """``trained``, ``interrupted``, ``being trained``, ``not begun`` or ``base to download``."""
    steps: int
    """Steps of the whole training."""
    missing: int
    """Steps that would be made now."""
    step_tokens: int
    """Greatest number of tokens of a step."""


def forecast_training(recipe: Recipe, *, fresh: bool = False) -> TrainingForecast:
    """What `train` would make of ``recipe`` now.

    Raises:
        UserError, BadModel, BadFile: as `train` before it loads anything.
    """
    tokens = recipe.batch_size * recipe.sequence_length
    try:
        with without_downloads():
            begun = resolve_start(recipe)
    except NotDownloaded:
        at, steps = recipe.base.at if recipe.base else "", recipe.steps
        return TrainingForecast(recipe.folder, at, "base to download", steps, steps, tokens)
    check_inputs_kept(recipe, begun.folder)
    work = recipe.folder.with_name(recipe.folder.name + ".work")
    saved = Checkpoints(work).state
    ours = saved.get("digest") == begun.digest
    made = len(saved.get("losses", ())) if ours else 0
    state, done = ("interrupted", made) if made else ("not begun", 0)
    if fresh:
        state, done = "not begun", 0
    if fresh or (ours and saved.get("replaces")):  # what is there is replaced
        check_folder_ours(recipe.folder)
    elif read_finished(recipe.folder, begun.digest) is not None:
        state, done = "trained", recipe.steps
    if state != "trained" and is_held(work.with_suffix(".lease")):
        state = "being trained"
    start, missing = str(begun.folder), recipe.steps - done
    return TrainingForecast(recipe.folder, start, state, recipe.steps, missing, tokens)
