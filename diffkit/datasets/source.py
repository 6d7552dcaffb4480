"""Where texts lie, and the category that they share."""

from pathlib import Path

from pydantic import Field

from diffkit.datasets.dataset import Dataset
from diffkit.organism import Record


class TextSource(Record):
    """A file or a dataset of texts."""

    source: Path | Dataset
    """A JSONL file, or rows of a dataset."""
    category: str | None = Field(default=None, min_length=1)
    """Category of its texts; those that say their own keep it."""

    def beside(self, folder: Path) -> "TextSource":
        """The same with a relative path found from ``folder``."""
        if isinstance(self.source, Path):
            return self.model_copy(update={"source": folder / self.source})
        place = self.source.place(folder)
        if place is None:
            return self
        moved = self.source.model_copy(update={"at": str(place)})
        return self.model_copy(update={"source": moved})
