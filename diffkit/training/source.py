"""Where the texts of a training come from: a JSONL file, or a dataset of the `datasets` library."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from pydantic import Field, model_validator

from diffkit.errors import BadFile
from diffkit.organism import Record
from diffkit.texts import Text, Texts, read_jsonl

_FILES = {".parquet": "parquet", ".csv": "csv", ".json": "json", ".jsonl": "json"}


def unset(value: object) -> bool:
    """Younger options are left out where they are not used: old digests and records stay true."""
    return value is None


class Dataset(Record):
    """Rows of a dataset, read by the `datasets` library, which the extra ``train`` installs."""

    at: str
    """Hub id (``org/name``), or a parquet, csv or json file or a folder, relative to the recipe."""
    split: str = "train"
    """Name of the split."""
    config: str | None = None
    """Name of the configuration, where the dataset has several."""
    column: str = "text"
    """Column that holds documents (strings) or chats (lists of role and content)."""
    revision: str | None = None
    """Branch, tag or commit of the hub repository."""
    limit: int | None = Field(default=None, ge=1)
    """Greatest number of rows, from the first on; none: all."""

    def place(self, root: Path) -> Path | None:
        """The file or folder on this machine; none for a repository of the hub."""
        here = root / self.at
        is_path = here.exists() or self.at.startswith((".", "/")) or self.file_format is not None
        return here if is_path else None

    @property
    def file_format(self) -> str | None:
        """What `datasets` calls the format of the file ``at``; none where the name tells none."""
        return _FILES.get(Path(self.at).suffix)


class Data(Record):
    """Texts: one of the two."""

    path: Path | None = Field(default=None, exclude_if=unset)
    """JSONL, relative to the recipe: ``{"text": …}`` or ``{"messages": […]}`` on each line."""
    dataset: Dataset | None = Field(default=None, exclude_if=unset)
    """Rows of a dataset."""
    weight: float = Field(default=1.0, gt=0)
    """Share of draws that come from these texts, relative to the other weights."""

    @model_validator(mode="after")
    def _one(self) -> "Data":
        if (self.path is None) == (self.dataset is None):
            msg = "needs either 'path' or 'dataset'"
            raise ValueError(msg)
        return self

    def place(self, root: Path) -> Path | None:
        """The file or folder that is read, where it lies on this machine."""
        if self.dataset is not None:
            return self.dataset.place(root)
        assert self.path is not None  # noqa: S101 - the validator holds it
        return root / self.path

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
            from diffkit.training.rows import read_rows

            return read_rows(self.dataset, root)
        assert self.path is not None  # noqa: S101 - the validator holds it
        return tuple(read_jsonl(root / self.path))

    def digest(self, root: Path) -> str:
        """SHA-256, in hexadecimal, of the file, or of the rows that are used.

        Raises:
            BadFile, UserError, MissingExtra: as for `texts`.
        """
        if self.path is None:
            return Texts(items=tuple(self.texts(root))).digest
        try:
            return hashlib.sha256((root / self.path).read_bytes()).hexdigest()
        except OSError as error:
            raise BadFile(root / self.path, f"cannot be read ({error}).") from error
