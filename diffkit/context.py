"""What a run is given besides the models: seed, texts, and places to put things."""

import json
import logging
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, runtime_checkable

from diffkit.errors import DiffkitError

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


def tell_nobody(words: str) -> None:
    """A `RunContext.tell` that shows nothing."""
    del words


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

    The random states of torch's generators, CPU and CUDA, are saved and restored with it, so a run
    that draws from them alone finds the same after an interruption.
    """

    folder: Path
    source: str = ""
    """Hash of the method's source: what other source left is not gone on from."""

    @property
    def found(self) -> bool:
        """Whether there is one to go on from."""
        return self._last() is not None

    def save(self, tensors: "Mapping[str, Tensor]", state: Mapping[str, Any]) -> None:
        """Replaces the checkpoint; a crash leaves either the old one or the new one whole."""
        fresh = self.folder / "checkpoint.new"
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True)
        _write_tensors(fresh / "tensors.safetensors", tensors)
        _write_tensors(fresh / "random.safetensors", _random_states())
        (fresh / "state.json").write_text(json.dumps(dict(state), sort_keys=True))
        (fresh / "source").write_text(self.source)
        for file in fresh.iterdir():
            with file.open("rb") as handle:
                os.fsync(handle.fileno())
        _replace(fresh, self.folder / "checkpoint")

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
            _restore(load_file(folder / "random.safetensors"))
        except Exception as error:  # safetensors has an error class of its own
            what = f"The checkpoint {folder} is damaged ({error})."
            raise DiffkitError(what, cure="--fresh starts from the beginning.") from error
        return Checkpoint(tensors, state)

    def clear(self) -> None:
        """Removes it, and what a crash left of others."""
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


def _restore(states: "Mapping[str, Tensor]") -> None:
    import torch

    torch.set_rng_state(states["cpu"])
    if torch.cuda.is_available():
        for number in range(min(len(states) - 1, torch.cuda.device_count())):
            torch.cuda.set_rng_state(states[f"cuda{number}"], number)


def _write_tensors(path: Path, tensors: "Mapping[str, Tensor]") -> None:
    from safetensors.torch import save_file

    save_file({k: v.detach().cpu().contiguous() for k, v in tensors.items()}, path)


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
        place = self._place(f"{name}.safetensors")
        _write_tensors(place, tensors)
        return place.name

    def write(self, name: str, content: bytes) -> str:
        """Writes the file ``name`` (a PNG, say) and returns its name."""
        place = self._place(name)
        place.write_bytes(content)
        return place.name

    def _place(self, name: str) -> Path:
        if Path(name).name != name:
            msg = f"an artifact's name is a file name, not the path {name!r}"
            raise ValueError(msg)
        self.folder.mkdir(parents=True, exist_ok=True)
        return self.folder / name


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
    tell: Callable[[str], None] = tell_nobody
    """Says in a few words how things stand, beside the running loop: ``tell("best 0.312 nats")``.

    The last words count. They are shown where there is a terminal, and kept nowhere."""
