"""Where the texts of a training come from: a JSONL file, or a dataset of the `datasets` library."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from pydantic import Field, model_validator

from diffkit.datasets.dataset import Dataset
from diffkit.errors import BadFile
from diffkit.organism import Record
from diffkit.texts import Text, Texts, read_jsonl


def unset(value: object) -> bool:
    """Younger options are left out where they are not used: old digests and records stay true."""
    return value is None


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
            from diffkit.datasets.rows import read_rows

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
