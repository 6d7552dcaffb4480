"""Recipes: everything that determines a training's result, read from YAML without torch."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from diffkit.datasets.dataset import Dataset
from diffkit.options.text_files import unreadable_file_error
from diffkit.options.yaml_records import path_from, read_record
from diffkit.organism import Record, Source
from diffkit.texts import Text, Texts, read_jsonl


def is_unset(value: object) -> bool:
    """Younger options are left out where they are not used: old digests and records stay true."""
    return value is None


class TrainingData(Record):
    """Texts: one of the two."""

    path: Path | None = Field(default=None, exclude_if=is_unset)
    """JSONL, relative to the recipe: ``{"text": …}`` or ``{"messages": […]}`` on each line."""
    dataset: Dataset | None = Field(default=None, exclude_if=is_unset)
    """Rows of a dataset."""
    weight: float = Field(default=1.0, gt=0)
    """Share of draws that come from these texts, relative to the other weights."""

    @model_validator(mode="after")
    def _one(self) -> "TrainingData":
        if (self.path is None) == (self.dataset is None):
            msg = "needs either 'path' or 'dataset'"
            raise ValueError(msg)
        return self

    def place(self, root: Path) -> Path | None:
        """The file or folder that is read, where it lies on this machine."""
        if self.dataset is not None:
            return self.dataset.place(root)
        assert self.path is not None  # noqa: S101 - the validator holds it
        return path_from(root, self.path)

    def texts(self, root: Path) -> Sequence[Text]:
        """The texts, in their order.

        Args:
            root: folder that relative paths start at.

        Raises:
            BadFile: the file is missing, empty or malformed.
            UserError: the dataset is missing or empty, or lacks the split or the column.
            MissingExtra: a dataset, without the library that reads it.
        """
        if self.dataset is not None:
            from diffkit.datasets.dataset_rows import read_rows

            return read_rows(self.dataset, root)
        assert self.path is not None  # noqa: S101 - the validator holds it
        return tuple(read_jsonl(path_from(root, self.path)))

    def digest(self, root: Path) -> str:
        """SHA-256, in hexadecimal, of the file, or of the rows that are used.

        Raises:
            BadFile, UserError, MissingExtra: as for `texts`.
        """
        if self.path is None:
            return Texts(items=tuple(self.texts(root))).digest
        try:
            return hashlib.sha256(path_from(root, self.path).read_bytes()).hexdigest()
        except OSError as error:
            raise unreadable_file_error(path_from(root, self.path), error) from error


class Scratch(Record):
    """A new model with random weights."""

    config: dict[str, Any]
    """Configuration of transformers, with ``model_type``."""
    tokenizer: Path
    """Folder of the tokenizer, relative to the recipe."""


class RecipeStart(Record):
    """What the training starts from: one of the two."""

    base: str | None = None
    """Folder, relative to the recipe, or hub id of a model."""
    scratch: Scratch | None = None
    """A new model."""

    @model_validator(mode="after")
    def _one(self) -> "RecipeStart":
        if (self.base is None) == (self.scratch is None):
            msg = "needs either 'base' or 'scratch'"
            raise ValueError(msg)
        return self


class Lora(Record):
    """Trains low-rank changes of some modules; the rest is frozen."""

    kind: Literal["lora"] = "lora"
    """Says which kind this is; to be given wherever several kinds are possible."""
    rank: int = Field(default=8, ge=1)
    """Rank of each change."""
    alpha: float = Field(default=16.0, gt=0)
    """Scale: each change is multiplied by alpha / rank."""
    dropout: float = Field(default=0.0, ge=0, lt=1)
    """Share of a module's inputs that the change does not see at a step."""
    modules: Literal["all-linear"] | tuple[str, ...] = "all-linear"
    """Names of the modules that change; ``all-linear``: every linear layer but the output's."""


class Full(Record):
    """Trains every weight."""

    kind: Literal["full"] = "full"
    """Says which kind this is; to be given wherever several kinds are possible."""


class Recipe(Record):
    """A training."""

    output: Path
    """Folder of the result, relative to the recipe."""
    start: RecipeStart
    """Where it starts."""
    method: Annotated[Lora | Full, Field(discriminator="kind")]
    """Which weights change."""
    data: tuple[TrainingData, ...] = Field(min_length=1)
    """What it learns from."""
    loss_on: Literal["all", "completion"] = "all"
    """``completion``: only the assistant's turns of chats count; documents always count whole.
    ``all``: every token counts."""
    pack: bool = False
    """Whether texts are joined, one after the other, until a row is full; a text may then begin in
    one row and is cut at its end. Otherwise each row holds one text, and shorter rows are padded.
    Pack documents for speed; leave it off for chats, so that no chat sees the one before it."""
    add_eos: bool = Field(default=True, exclude_if=bool)
    """Whether each document, and each chat of a base without a chat template, ends with the
    end-of-text token. With ``false`` a text ends as the tokenizer leaves it, so that the model is
    not taught to stop after what may be only an excerpt."""
    steps: int = Field(ge=1)
    """Number of optimiser steps."""
    batch_size: int = Field(ge=1)
    """Rows in a step."""
    sequence_length: int = Field(ge=2)
    """Greatest length of a row, in tokens."""
    learning_rate: float = Field(gt=0)
    """Greatest learning rate of AdamW."""
    warmup: int = Field(default=0, ge=0)
    """Steps in which the learning rate rises linearly from 0."""
    schedule: Literal["cosine"] = "cosine"
    """After warm-up the learning rate falls to 0 along half a cosine."""
    weight_decay: float = Field(default=0.0, ge=0)
    """Decoupled weight decay, per step and unit of learning rate; matrices only."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """Number format of the weights while they are trained."""
    save_dtype: Literal["float32", "float16", "bfloat16"] | None = Field(
        default=None, exclude_if=is_unset
    )
    """Number format of the stored weights; none: as trained."""
    products: Literal["float32", "bfloat16"] = Field(
        default="float32", exclude_if=lambda products: products == "float32"
    )
    """Number format of matrix products. ``bfloat16`` is faster where the processor or GPU supports
    it, and needs less memory; weights, gradients and the optimiser's state stay in ``dtype``, which
    loses less than training in bfloat16 throughout (``dtype: bfloat16``)."""
    attention: str | None = Field(default=None, exclude_if=is_unset)
    """Attention implementation of transformers while training (``eager``, ``sdpa``, …); none: its
    default."""
    seed: int = Field(default=0, ge=0)
    """Decides new weights, draws of texts, and dropout."""
    save_every: int = Field(default=100, ge=1)
    """Greatest number of steps between two checkpoints. One is also saved every minute, and when
    the training is stopped by Ctrl-C or SIGTERM. The result does not depend on it."""
    root: Path = Field(default=Path(), exclude=True)
    """Folder that relative paths start at: the recipe's own; set by `read_recipe`."""

    @model_validator(mode="after")
    def _consistent(self) -> "Recipe":
        if self.start.scratch is not None and self.method.kind == "lora":
            msg = "a model from scratch needs method kind 'full'"
            raise ValueError(msg)
        if self.warmup >= self.steps:
            msg = f"warmup ({self.warmup}) must be less than steps ({self.steps})"
            raise ValueError(msg)
        return self

    @property
    def folder(self) -> Path:
        """Where the result goes."""
        return path_from(self.root, self.output)

    @property
    def base(self) -> Source | None:
        """The model it starts from, if it starts from one."""
        if self.start.base is None:
            return None
        local = path_from(self.root, self.start.base)
        is_path = local.exists() or self.start.base.startswith((".", "/"))
        return Source(at=str(local) if is_path else self.start.base)

    def digest(self, start: str) -> str:
        """SHA-256, in hexadecimal, of all that decides the result; paths play no part.

        Args:
            start: fingerprint of the base, or of the tokenizer of a new model.

        Raises:
            BadFile, UserError, MissingExtra: data cannot be read.
        """
        fields = self.model_dump(mode="json", exclude={"output", "save_every", "data", "start"})
        fields["start"] = start
        if self.start.scratch is not None:
            fields["config"] = self.start.scratch.config
        fields["data"] = [[data.digest(self.root), data.weight] for data in self.data]
        return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()


def read_recipe(path: Path) -> Recipe:
    """The recipe in a YAML file; its relative paths start at the file's folder.

    Raises:
        BadFile: the file is missing or malformed, or a field is out of bounds.
    """
    return read_record(path, Recipe).model_copy(update={"root": path.parent})
