"""Checkpoints: the state from which an interrupted run continues."""

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from diffkit.errors import DiffkitError

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Checkpoint:
    """A state from which a run can continue."""

    tensors: "Mapping[str, Tensor]"
    """Named tensors, as saved."""
    state: Mapping[str, Any]
    """JSON values, as saved."""


@dataclass(frozen=True)
class Checkpoints:
    """Keeps the last checkpoint of a run: safetensors and JSON, replaced atomically.

    The states of torch's random generators, CPU and CUDA, are saved and restored with it, so a run
    that draws only from them finds the same after an interruption.
    """

    folder: Path
    source: str = ""
    """Hash of the method's source: a checkpoint of other source is ignored."""

    @property
    def found(self) -> bool:
        """Whether there is a checkpoint of this source."""
        return self._last() is not None

    @property
    def state(self) -> Mapping[str, Any]:
        """The JSON values of the last checkpoint; empty if there is none, or it is damaged."""
        folder = self._last()
        try:
            found = json.loads((folder / "state.json").read_text()) if folder else {}
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def save(self, tensors: "Mapping[str, Tensor]", state: Mapping[str, Any]) -> None:
        """Replaces the checkpoint; after a crash, either the old or the new one is complete."""
        fresh = self.folder / "checkpoint.new"
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True)
        write_tensors(fresh / "tensors.safetensors", tensors)
        write_tensors(fresh / "random.safetensors", _random_states())
        (fresh / "state.json").write_text(json.dumps(dict(state), sort_keys=True))
        (fresh / "source").write_text(self.source)
        for file in fresh.iterdir():
            with file.open("rb") as handle:
                os.fsync(handle.fileno())
        _replace_folder(fresh, self.folder / "checkpoint")

    def load(self) -> Checkpoint | None:
        """The last checkpoint, or none; restores the random states.

        Raises:
            DiffkitError: it is damaged.
        """
        from safetensors.torch import load_file

        folder = self._last()
        if folder is None:
            return None
        try:
            tensors = load_file(folder / "tensors.safetensors")
            state = json.loads((folder / "state.json").read_text())
            _restore_random_states(load_file(folder / "random.safetensors"))
        except Exception as error:  # safetensors has an error class of its own
            what = f"The checkpoint {folder} is damaged ({error})."
            raise DiffkitError(what, hint="--fresh starts from the beginning.") from error
        return Checkpoint(tensors, state)

    def clear(self) -> None:
        """Removes all checkpoints, incomplete ones too."""
        for path in self.folder.glob("checkpoint*"):
            shutil.rmtree(path)

    def _last(self) -> Path | None:
        for name in ("checkpoint", "checkpoint.old"):  # old: a crash between the two renames
            stamp = self.folder / name / "source"
            if stamp.exists():
                return stamp.parent if stamp.read_text() == self.source else None
        return None


def _random_states() -> "dict[str, Tensor]":
    import torch

    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
    return {"cpu": torch.get_rng_state(), **{f"cuda{i}": state for i, state in enumerate(cuda)}}


def _restore_random_states(states: "Mapping[str, Tensor]") -> None:
    import torch

    torch.set_rng_state(states["cpu"])
    if torch.cuda.is_available():
        for number in range(min(len(states) - 1, torch.cuda.device_count())):
            torch.cuda.set_rng_state(states[f"cuda{number}"], number)


def write_tensors(path: Path, tensors: "Mapping[str, Tensor]") -> None:
    """Writes named tensors into a safetensors file."""
    from safetensors.torch import save_file

    save_file({k: v.detach().cpu().contiguous() for k, v in tensors.items()}, path)


def _replace_folder(fresh: Path, place: Path) -> None:
    old = place.with_suffix(".old")
    shutil.rmtree(old, ignore_errors=True)
    if place.exists():
        place.rename(old)
    fresh.rename(place)
    shutil.rmtree(old, ignore_errors=True)
