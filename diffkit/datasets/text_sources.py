"""Texts as the command line and suites name them: JSONL files, or rows of datasets."""

import re
from collections.abc import Sequence
from pathlib import Path

from pydantic import Field

from diffkit.datasets.dataset import Dataset
from diffkit.errors import UserError
from diffkit.options.yaml_records import path_from
from diffkit.organism import Record
from diffkit.texts import Text, Texts


class TextSource(Record):
    """A file or a dataset of texts."""

    source: Path | Dataset
    """A JSONL file, or rows of a dataset."""
    category: str | None = Field(default=None, min_length=1)
    """Category of its texts; those that say their own keep it."""

    def beside(self, folder: Path) -> "TextSource":
        """The same with a relative path found from ``folder``."""
        if isinstance(self.source, Path):
            return self.model_copy(update={"source": path_from(folder, self.source)})
        place = self.source.place(folder)
        if place is None:
            return self
        moved = self.source.model_copy(update={"at": str(place)})
        return self.model_copy(update={"source": moved})


PREFIX = "hf:"

SYNTAX = "hf:DATASET:CONFIG:SPLIT:COLUMN"
"""Parts from the right may be left out, and any but the first may be empty."""

_PARTS = ("at", "config", "split", "column")

_TABLES = (".parquet", ".csv", ".json")

_NAME = re.compile(r"[\w-]+")


def parse_path_or_dataset(value: str) -> Path | Dataset:
    """Where the texts lie that ``value`` names.

    ``hf:`` begins a dataset of the hub, or a file or folder that the `datasets` library reads. A
    parquet, csv or json file is one without it; anything else is a JSONL file of texts.

    Raises:
        UserError: it is no such name.
    """
    if not value.startswith(PREFIX):
        return Dataset(at=value) if value.lower().endswith(_TABLES) else Path(value)
    parts = _split_parts(value.removeprefix(PREFIX))
    if not parts[0] or len(parts) > len(_PARTS):
        what = f"{value!r} is not {SYNTAX}."
        raise UserError(what, hint="Try: hf:Salesforce/wikitext:wikitext-2-raw-v1:train:text")
    named = zip(_PARTS, parts, strict=False)
    return Dataset(**{name: part for name, part in named if part})


def _split_parts(value: str) -> list[str]:
    """The parts between colons; a file's own colons do not count."""
    parts = value.split(":")
    for length in range(len(parts), 1, -1):
        file = ":".join(parts[:length])
        if Path(file).is_file():
            return [file, *parts[length:]]
    return parts


def parse_text_source(value: str) -> TextSource:
    """Where the texts lie that ``value`` names as for `texts_source`, or as ``CATEGORY=…``.

    Raises:
        UserError: it is no such name.
    """
    category, equals, rest = value.partition("=")
    if not (equals and _NAME.fullmatch(category)) or Path(value).exists():
        return TextSource(source=parse_path_or_dataset(value))
    if not rest:
        what = f"{value!r} names a category and no texts."
        raise UserError(what, hint=f"Try: {category}=texts.jsonl")
    return TextSource(source=parse_path_or_dataset(rest), category=category)


def read_sources(sources: Sequence[TextSource], limit: int | None) -> Texts:
    """The texts of several sources, in the order given.

    Args:
        sources: files and datasets.
        limit: greatest number of texts of each, from its first on; none: all.

    Raises:
        UserError: as for `read_texts`.
    """
    read = [(one.category, text) for one in sources for text in read_texts(one.source, limit).items]
    return Texts(items=tuple(_with_category(category, text) for category, text in read))


def _with_category(category: str | None, text: Text) -> Text:
    if category is None or text.category is not None:
        return text
    return text.model_copy(update={"category": category})


def read_texts(source: Path | Dataset | None, limit: int | None) -> Texts:
    """The texts of a source.

    Args:
        source: a JSONL file or a dataset; none: diffkit's own texts.
        limit: greatest number of texts, from the first on; none: all.

    Raises:
        BadFile: a JSONL file is missing, empty or malformed.
        UserError: a dataset is missing or empty, or lacks the split or the column.
        MissingExtra: a dataset, without the library that reads it.
    """
    if isinstance(source, Dataset):
        from diffkit.datasets.dataset_rows import read_rows

        limits = [count for count in (source.limit, limit) if count is not None]
        limited = source.model_copy(update={"limit": min(limits, default=None)})
        return Texts(items=tuple(read_rows(limited, Path())))
    return (Texts.read(source) if source else Texts.default()).first(limit)
