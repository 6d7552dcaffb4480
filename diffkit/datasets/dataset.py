"""Which rows of which dataset are texts; the `datasets` library is imported to read them alone."""

from pathlib import Path
from typing import ClassVar

from pydantic import Field

from diffkit.options.yaml_records import path_from
from diffkit.organism import Record

_FILES = {".parquet": "parquet", ".csv": "csv", ".json": "json", ".jsonl": "json"}


class Dataset(Record):
    """Rows of a dataset, read by the `datasets` library, which the extra ``train`` installs."""

    kept_as_given: ClassVar[frozenset[str]] = frozenset({"at"})

    at: str
    """Hub id (``org/name``), or a parquet, csv or json file or a folder; in a YAML, a path relative
    to that file."""
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
        here = path_from(root, self.at)
        is_path = here.exists() or self.at.startswith((".", "/")) or self.file_format is not None
        return here if is_path else None

    @property
    def file_format(self) -> str | None:
        """What `datasets` calls the format of the file ``at``; none where the name tells none."""
        return _FILES.get(Path(self.at).suffix.lower())
