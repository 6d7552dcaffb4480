"""Texts that methods run both models on: the same for every pair of a suite."""

import hashlib
import json
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from diffkit.errors import BadFile
from diffkit.options.yaml_records import explain_validation_error, unreadable_file_error
from diffkit.organism import Record


class Message(Record):
    """One turn of a chat."""

    role: Literal["system", "user", "assistant"]
    content: str


class Text(Record):
    """A document, or a chat that is put through the model's chat template."""

    text: str | None = None
    """A document, as it is."""
    messages: tuple[Message, ...] = ()
    """A chat, where there is no document."""
    category: str | None = Field(default=None, min_length=1)
    """Kind of text, such as ``code``; none if it is unknown."""

    def __str__(self) -> str:
        """The text alone, without any template."""
        return self.text if self.text is not None else "\n".join(m.content for m in self.messages)


class Texts(Record):
    """A list of texts, identified by its content."""

    items: tuple[Text, ...]

    def __len__(self) -> int:
        return len(self.items)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the content, in hexadecimal; file names are not part of it."""
        lines = [item.model_dump_json(exclude_defaults=True) for item in self.items]
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()

    def first(self, count: int | None) -> "Texts":
        """The first ``count`` texts; none: all."""
        return Texts(items=self.items[:count])

    def batches(self, size: int) -> tuple[tuple[int, ...], ...]:
        """Indices of texts, ``size`` at a time and of similar length, so that padding is short."""
        order = sorted(range(len(self)), key=lambda number: (len(str(self.items[number])), number))
        return tuple(tuple(order[i : i + size]) for i in range(0, len(order), size))

    @classmethod
    def of(cls, *texts: str) -> "Texts":
        """Documents given as strings."""
        return cls(items=tuple(Text(text=text) for text in texts))

    @classmethod
    def default(cls) -> "Texts":
        """Sixty short texts of many kinds, for bases that have none of their own."""
        return cls.read(Path(__file__).parent / "data" / "texts.jsonl")

    @classmethod
    def read(cls, path: Path) -> "Texts":
        """Reads JSONL: each line ``{"text": …}`` or ``{"messages": [{"role", "content"}, …]}``.

        A line may have a ``"category"`` too.

        Raises:
            BadFile: the file is missing, empty, or a line is not such an object.
        """
        return cls(items=tuple(read_jsonl(path)))


def read_jsonl(path: Path) -> Iterator[Text]:
    """Yields the texts of a JSONL file, one a line; blank lines are skipped.

    Raises:
        BadFile: the file is missing, holds no text, or a line is malformed.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise unreadable_file_error(path, error) from error
    if not any(line.strip() for line in lines):
        raise BadFile(path, "holds no text.", hint='Put one {"text": "…"} on each line.')
    for number, line in enumerate(lines, 1):
        if line.strip():
            yield _parse(path, number, line)


def _parse(path: Path, number: int, line: str) -> Text:
    try:
        text = Text.model_validate(json.loads(line))
    except json.JSONDecodeError as error:
        what = f"is not JSON ({error.msg} at column {error.colno})."
        raise BadFile(path, what, line=number) from error
    except ValidationError as error:
        misfit = explain_validation_error(error, Text)
        raise BadFile(path, misfit.what, line=number, field=misfit.field) from error
    if (text.text is None) == (not text.messages):
        raise BadFile(path, "needs either 'text' or 'messages'.", line=number)
    return text
