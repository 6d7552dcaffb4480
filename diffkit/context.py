"""The context of a run: seed, texts, batches, progress, artifacts and checkpoints."""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar, runtime_checkable

from diffkit.checkpoints import Checkpoints, write_tensors
from diffkit.errors import UserError

if TYPE_CHECKING:
    from torch import Tensor

    from diffkit.engine.inputs import TextBatch
    from diffkit.engine.pair import ModelPair
    from diffkit.texts import Texts

T = TypeVar("T")
BATCH_SIZE = 8
"""Texts in a batch of `RunContext.batches`, unless the user sets another number."""


@runtime_checkable
class Progress(Protocol):
    """Shows the progress of a loop."""

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
    """A `RunContext.status` that shows nothing."""
    del words


@dataclass(frozen=True)
class Artifacts:
    """Large results of a run: safetensors and PNG files beside its findings."""

    folder: Path

    def save(self, name: str, tensors: "Mapping[str, Tensor]") -> str:
        """Writes ``name``.safetensors and returns that file name, to be named in a finding."""
        place = self._place(f"{name}.safetensors")
        write_tensors(place, tensors)
        return place.name

    def write(self, name: str, content: bytes) -> str:
        """Writes the file ``name`` (a PNG, for example) and returns its name."""
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
    """The place for large tensors and pictures."""
    checkpoints: Checkpoints
    """The place for the state from which an interrupted run continues."""
    progress: Progress = no_progress
    """Wrap long loops in it: ``for batch in context.progress(batches, label="texts")``."""
    log: logging.Logger = logging.getLogger("diffkit.run")  # noqa: RUF009 - loggers are shared
    """Messages for the user."""
    status: Callable[[str], None] = no_status
    """Shows a short status beside the running loop: ``context.status("best 0.312 nats")``.

    Only the last one is shown, on a terminal. It is not stored."""
    batch_size: int = BATCH_SIZE
    """Texts in a batch of `batches`. The user sets it; it is not part of the run's key."""

    def batches(
        self, pair: "ModelPair", *, max_tokens: int, label: str = "texts"
    ) -> "Iterator[TextBatch]":
        """All texts in padded batches of similar length, with progress.

        A method's results must not depend on the batch size beyond rounding. Texts of fewer than
        two tokens are included; `ModelPair.log_probs` skips them. `TextBatch.labels` says which
        tokens are a user's, an answer's, the chat template's or a document's.

        Args:
            pair: the pair whose base's tokenizer is used.
            max_tokens: tokens kept of each text, from its beginning.
            label: name of the loop in the progress display.

        Raises:
            UserError: no text has a token to predict.
        """
        from diffkit.engine.inputs import TextBatch

        batches, predicted = self.texts.batches(self.batch_size), False
        for indices in self.progress(batches, label=label, total=len(batches)):
            texts = tuple(self.texts.items[index] for index in indices)
            inputs = pair.base.inputs(texts, max_tokens=max_tokens)
            predicted = predicted or inputs.mask.shape[1] > 1
            yield TextBatch(indices, inputs, texts, pair.tokenizer)
        if not predicted:
            hint = "Give texts of two tokens or more."
            raise UserError("No text has a token to predict.", hint=hint)
