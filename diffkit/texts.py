"""Texts that methods run both models on: the same for every pair of a suite."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import Field, ValidationError

from diffkit.errors import BadFile
from diffkit.options.text_files import parse_json, read_lines
from diffkit.options.yaml_records import explain_validation_error
from diffkit.organism import Record

PositionLabel = Literal["text", "system", "user", "answer", "template", "special"]
"""A document's own text; a system's, a user's or an assistant's words; what the chat template
writes, its default system prompt included; what the tokenizer adds around a text, such as BOS."""

POSITION_LABELS: tuple[PositionLabel, ...] = get_args(PositionLabel)


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

    @property
    def without_answer(self) -> "Text | None":
        """The chat up to the user's last message; none of a document, or without such a message."""
        messages = self.messages
        while messages and messages[-1].role != "user":
            messages = messages[:-1]
        return Text(messages=messages) if messages else None


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
        """183 short texts, for bases that have none of their own.

        123 chats, of which each ends with an answer and 10 have several, and 60 documents of many
        kinds. All are in English but for three documents.
        """
        return cls.read(Path(__file__).parent / "data" / "texts.jsonl")

    @classmethod
    def read(cls, path: Path) -> "Texts":
        """Reads JSONL: each line ``{"text": …}`` or ``{"messages": [{"role", "content"}, …]}``.

        A line may have a ``"category"`` too. Chats of another format, ``"conversations"`` of
        ``{"from", "value"}``, are read as well; further fields of lines and turns are left out.

        Raises:
            BadFile: the file is missing, empty, or a line is not such an object.
        """
        return cls(items=tuple(read_jsonl(path)))


def read_jsonl(path: Path) -> Iterator[Text]:
    """Yields the texts of a JSONL file, one a line; blank lines are skipped.

    Raises:
        BadFile: the file is missing, holds no text, or a line is malformed.
    """
    lines = list(read_lines(path))
    if not lines:
        raise BadFile(path, "holds no text.", hint='Put one {"text": "…"} on each line.')
    for number, line in lines:
        yield _parse(path, number, line)


def _parse(path: Path, number: int, line: str) -> Text:
    try:
        fields = parse_json(line)
        text = Text.model_validate(_known_fields(fields))
    except json.JSONDecodeError as error:
        what = f"is not JSON ({error.msg} at column {error.colno})."
        raise BadFile(path, what, line=number) from error
    except ValidationError as error:
        misfit = explain_validation_error(error, Text)
        raise BadFile(path, misfit.what, line=number, field=misfit.field) from error
    if (text.text is None) == (not text.messages):
        raise _unread(path, number, fields)
    return text


def _unread(path: Path, number: int, fields: Mapping[str, Any]) -> BadFile:
    """The error of a line with neither document nor chat, or with both."""
    what = f"needs either 'text' or 'messages', and has {', '.join(fields) or 'no field'}."
    others = [name for name, one in fields.items() if isinstance(one, str | list)]
    other = next((name for name in others if name not in Text.model_fields), "COLUMN")
    hint = f"To read another column: hf:{path}::train:{other}"
    return BadFile(path, what, line=number, hint=hint)


_ROLES = {"human": "user", "gpt": "assistant", "bot": "assistant", "model": "assistant"}
"""Other names of roles."""


def _known_fields(fields: Any) -> Any:
    """A line without the fields of a text's other uses, such as ids; misspelt names remain."""
    if not isinstance(fields, Mapping):
        return fields
    chat = fields.get("messages", fields.get("conversations"))
    known = {name: one for name, one in fields.items() if name in Text.model_fields}
    misspelt = {name: one for name, one in fields.items() if _is_misspelt(name, known)}
    turns = {"messages": chat_turns(chat)} if chat is not None else {}
    return known | misspelt | turns


def _is_misspelt(name: str, known: Mapping[str, Any]) -> bool:
    has_words = bool({"text", "messages"} & known.keys())
    missing = {"category"} if has_words else set(Text.model_fields)
    return name not in known and bool(get_close_matches(name, missing - known.keys(), cutoff=0.8))


def chat_turns(turns: Any) -> Any:
    """Turns with role and content alone, also where these are called ``from`` and ``value``."""
    if not isinstance(turns, list | tuple):
        return turns
    return [_turn(turn) if isinstance(turn, Mapping) else turn for turn in turns]


def _turn(turn: Mapping[str, Any]) -> dict[str, Any]:
    if "from" in turn and "role" not in turn:
        role = turn["from"]
        turn = {"role": _ROLES.get(role, role) if isinstance(role, str) else role} | {
            "content": turn.get("value")
        }
    return {name: turn[name] for name in Message.model_fields if name in turn}
