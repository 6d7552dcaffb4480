"""What a run is given besides the models: seed, texts, and places to put things."""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar, runtime_checkable

from diffkit.checkpoints import Checkpoints, write_tensors

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


def no_status(words: str) -> None:
    """A `RunContext.tell` that shows nothing."""
    del words


@dataclass(frozen=True)
class Artifacts:
    """Large results of a run: safetensors and PNG files beside its findings."""

    folder: Path

    def save(self, name: str, tensors: "Mapping[str, Tensor]") -> str:
        """Writes ``name``.safetensors and returns that file name, for a finding to refer to."""
        place = self._place(f"{name}.safetensors")
        write_tensors(place, tensors)
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
    status: Callable[[str], None] = no_status
    """Says in a few words how things stand, beside the running loop: ``tell("best 0.312 nats")``.

    The last words count. They are shown where there is a terminal, and kept nowhere."""
