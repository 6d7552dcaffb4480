"""What a run is given besides the models: seed, texts, and places to put things."""

import json
import logging
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, runtime_checkable

if TYPE_CHECKING:
    from torch import Tensor

    from diffkit.texts import Texts

T = TypeVar("T")


@runtime_checkable
class Progress(Protocol):
    """Shows how far a loop is."""

    def __call__(
        self, items: Iterable[T], *, label: str, total: int | None = None, done: int = 0
    ) -> Iterator[T]:
        """Yields ``items``; ``done`` of ``total`` were finished before this process began."""
        ...


def no_progress(
    items: Iterable[T], *, label: str, total: int | None = None, done: int = 0
) -> Iterator[T]:
    """A `Progress` that shows nothing."""
    del label, total, done
    yield from items


@dataclass(frozen=True)
class Checkpoint:
    """A state that a run can go on from."""

    tensors: "Mapping[str, Tensor]"
    """Named tensors, as saved."""
    state: Mapping[str, Any]
    """JSON values, as saved."""


@dataclass(frozen=True)
class Checkpoints:
    """Keeps the last checkpoint of a run: safetensors and JSON, replaced atomically.

    The random state of torch's CPU generator is saved and restored with it.
    """

    folder: Path

    def save(self, tensors: "Mapping[str, Tensor]", state: Mapping[str, Any]) -> None:
        """Replaces the checkpoint; a crash leaves either the old one or the new one whole."""
        import torch
        from safetensors.torch import save_file

        fresh = self.folder / "checkpoint.new"
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True)
        random = {"rng": torch.get_rng_state()}
        save_file(
            {k: v.detach().contiguous() for k, v in tensors.items()}, fresh / "tensors.safetensors"
        )
        save_file(random, fresh / "random.safetensors")
        (fresh / "state.json").write_text(json.dumps(dict(state), sort_keys=True))
        _replace(fresh, self.folder / "checkpoint")

    def load(self) -> Checkpoint | None:
        """The last checkpoint, or none; restores the random state."""
        import torch
        from safetensors.torch import load_file

        folder = self.folder / "checkpoint"
        if not folder.exists() and (self.folder / "checkpoint.old").exists():
            folder = self.folder / "checkpoint.old"  # a crash between the two renames
        if not folder.exists():
            return None
        torch.set_rng_state(load_file(folder / "random.safetensors")["rng"])
        tensors = load_file(folder / "tensors.safetensors")
        return Checkpoint(tensors, json.loads((folder / "state.json").read_text()))


def _replace(fresh: Path, place: Path) -> None:
    old = place.with_suffix(".old")
    shutil.rmtree(old, ignore_errors=True)
    if place.exists():
        place.rename(old)
    fresh.rename(place)
    shutil.rmtree(old, ignore_errors=True)


@dataclass(frozen=True)
class Artifacts:
    """Large results of a run: safetensors and PNG files beside its findings."""

    folder: Path

    def save(self, name: str, tensors: "Mapping[str, Tensor]") -> str:
        """Writes ``name``.safetensors and returns that file name, for a finding to refer to."""
        from safetensors.torch import save_file

        self.folder.mkdir(parents=True, exist_ok=True)
        file = f"{name}.safetensors"
        save_file(
            {k: v.detach().contiguous().cpu() for k, v in tensors.items()}, self.folder / file
        )
        return file

    def write(self, name: str, content: bytes) -> str:
        """Writes the file ``name`` (a PNG, say) and returns its name."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / name).open("wb") as file:
            file.write(content)
            os.fsync(file.fileno())
        return name


@dataclass(frozen=True)
class RunContext:
    """Everything a method may know besides the pair and its options."""

    seed: int
    """Seed of the run; torch's generators are seeded with it before `run` is called."""
    texts: "Texts"
    """The suite's texts, the same for every pair."""
    artifacts: Artifacts
    """Where large tensors and pictures go."""
    checkpoints: Checkpoints
    """Where a long run keeps the state that it can go on from."""
    progress: Progress = no_progress
    """Wrap long loops in it: ``for batch in context.progress(batches, label="texts")``."""
    log: logging.Logger = logging.getLogger("diffkit.run")  # noqa: RUF009 - loggers are shared
    """Messages for the user."""
