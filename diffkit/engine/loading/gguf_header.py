"""GGUF files without torch: their metadata, their tensors' places, and their content hash.

The format is described in ggml's docs/gguf.md: a magic number, metadata, the table of the tensors
and their data.
"""

import hashlib
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from math import prod
from pathlib import Path
from typing import Any

from diffkit.errors import BadFile, BadModel, MissingExtra

OTHER_SOURCE = "Give the model's own folder, or its hub id, instead."
"""Hint for what cannot be read from such a file."""

_AGAIN = "Copy or download it again."

_NUMBERS = {
    0: "B",
    1: "b",
    2: "H",
    3: "h",
    4: "I",
    5: "i",
    6: "f",
    7: "?",
    10: "Q",
    11: "q",
    12: "d",
}
"""Type of a value: its format, as `struct` writes it."""

_STRING, _ARRAY = 8, 9

_FLOATS = {"BF16": "bfloat16", "F16": "float16", "F32": "float32"}
"""Formats that are not quantised, those with fewer digits first: GGUF's names and torch's."""

_CHUNK = 1 << 20
"""Bytes hashed at a time."""


@dataclass(frozen=True)
class TensorEntry:
    """A tensor as the table of a GGUF file describes it."""

    name: str
    """Its name in llama.cpp's words, such as ``blk.0.attn_q.weight``."""
    shape: tuple[int, ...]
    """Its shape, in torch's order."""
    format: str
    """Its number format, such as ``Q4_K``."""


@dataclass(frozen=True)
class GGUFHeader:
    """What a GGUF file says before its data."""

    path: Path
    """The file."""
    fields: Mapping[str, Any]
    """Metadata by key; of an array, its number of elements."""
    tensors: tuple[TensorEntry, ...]
    """Its tensors, in the order of the file."""

    @property
    def architecture(self) -> str:
        """The architecture in llama.cpp's words, such as ``llama`` or ``gemma3``."""
        return str(self.fields["general.architecture"])

    @property
    def dtype(self) -> str:
        """Number format that the weights get unless another is asked for.

        That of the matrices where they are stored in one, otherwise bfloat16: the rounding of
        quantised weights is far coarser.
        """
        formats = {entry.format for entry in self.tensors if len(entry.shape) > 1}
        if not formats <= _FLOATS.keys():
            return "bfloat16"
        return next((dtype for name, dtype in _FLOATS.items() if name in formats), "float32")


def is_gguf(path: Path) -> bool:
    """Whether a model is given as a GGUF file."""
    return path.suffix.lower() == ".gguf" and not path.is_dir()


def require_gguf(path: Path) -> None:
    """Checks that the library that reads GGUF files is there.

    Raises:
        MissingExtra: it is not.
    """
    try:
        import_module("gguf")
    except ModuleNotFoundError as error:
        name = error.name or "gguf"
        raise MissingExtra(f"The GGUF file {str(path)!r}", name, "diffkit[gguf]") from error


_headers: dict[tuple[str, int, int], GGUFHeader] = {}
_digests: dict[tuple[str, int, int], str] = {}


def _state(path: Path) -> tuple[str, int, int]:
    """What tells whether a file has changed: real path, size, time of change."""
    try:
        stat = path.stat()
    except OSError as error:
        raise BadFile(path, f"cannot be read ({error.strerror}).") from error
    return str(path.resolve()), stat.st_size, stat.st_mtime_ns


def gguf_digest(path: Path) -> str:
    """SHA-256, in hexadecimal, of a GGUF file; kept for the life of the process.

    Raises:
        BadFile, BadModel, MissingExtra: as `read_gguf_header`.
    """
    read_gguf_header(path)
    state = _state(path)
    if state not in _digests:
        digest = hashlib.sha256()
        with path.open("rb") as file:
            while block := file.read(_CHUNK):
                digest.update(block)
        _digests[state] = digest.hexdigest()
    return _digests[state]


def read_gguf_header(path: Path) -> GGUFHeader:
    """The header of a GGUF file that holds one whole model.

    Raises:
        BadFile: the file is missing, cut short or no GGUF file.
        BadModel: it holds a part of a model, or something else than a model.
        MissingExtra: the library that reads GGUF files is not installed.
    """
    require_gguf(path)
    state = _state(path)
    if state not in _headers:
        header = _parse(path)
        _refuse_part(header)
        _headers[state] = header
    return _headers[state]


def _parse(path: Path) -> GGUFHeader:
    try:
        with path.open("rb") as file:
            return _Reader(path, file).header()
    except (EOFError, UnicodeDecodeError, OverflowError, MemoryError, OSError) as error:
        what = f"is cut short or damaged: its header cannot be read ({str(error)[:60]})."
        raise BadFile(path, what, hint=_AGAIN) from error


def _refuse_part(header: GGUFHeader) -> None:
    path = header.path
    kind = header.fields.get("general.type", "model")
    if kind != "model":
        raise BadModel(f"{str(path)!r} holds no model: its type is {kind!r}.", hint=OTHER_SOURCE)
    if (count := int(header.fields.get("split.count", 1))) > 1:
        number = int(header.fields.get("split.no", 0)) + 1
        raise BadModel(
            f"{str(path)!r} is part {number} of {count} of a model that was split.",
            hint=f"Join the parts with llama.cpp's `llama-gguf-split --merge`. {OTHER_SOURCE}",
        )


class _Reader:
    """Reads a header value by value."""

    def __init__(self, path: Path, file: Any) -> None:
        self.path = path
        self.file = file
        self.size = path.stat().st_size

    def header(self) -> GGUFHeader:
        magic = self.file.read(4)
        if magic != b"GGUF":
            raise BadFile(self.path, f"is no GGUF file: it begins with {magic!r}.", hint=_AGAIN)
        self._check_version(self.number("I"))
        tensors, pairs = self.number("Q"), self.number("Q")
        fields = {self.string(): self.value(self.number("I")) for _ in range(pairs)}
        if "general.architecture" not in fields:
            what = "is missing."
            raise BadFile(self.path, what, field="general.architecture", hint=OTHER_SOURCE)
        table = [self.entry() for _ in range(tensors)]
        self._check_length(table, int(fields.get("general.alignment", 32)))
        return GGUFHeader(self.path, fields, tuple(entry for entry, _ in table))

    def _check_version(self, version: int) -> None:
        if version in {2, 3}:
            return
        if version & 0xFFFF == 0:
            what = "is written for machines of the other byte order."
            convert = f"gguf-convert-endian {self.path} little"
            raise BadFile(self.path, what, hint=f"Convert it, with a copy kept: {convert}")
        raise BadFile(self.path, f"has version {version} of GGUF, not 2 or 3.", hint=OTHER_SOURCE)

    def _check_length(self, table: list[tuple[TensorEntry, int]], alignment: int) -> None:
        start = -(-self.file.tell() // alignment) * alignment
        for entry, offset in table:
            stop = start + offset + _byte_count(self.path, entry)
            if stop > self.size:
                what = f"is cut short: {entry.name} ends at byte {stop} of {self.size}."
                raise BadFile(self.path, what, hint=_AGAIN)

    def entry(self) -> tuple[TensorEntry, int]:
        """A row of the table, and the place of its data."""
        from gguf.constants import GGMLQuantizationType

        name = self.string()
        shape = [self.number("Q") for _ in range(self.number("I"))]
        kind, offset = self.number("I"), self.number("Q")
        known = {one.value: one.name for one in GGMLQuantizationType}
        entry = TensorEntry(name, tuple(reversed(shape)), known.get(kind, f"type {kind}"))
        return entry, offset

    def bytes(self, count: int) -> bytes:
        if count > self.size - self.file.tell():
            msg = f"{count} bytes are promised at byte {self.file.tell()} of {self.size}"
            raise EOFError(msg)
        found: bytes = self.file.read(count)
        return found

    def number(self, code: str) -> Any:
        (value,) = struct.unpack(f"<{code}", self.bytes(struct.calcsize(f"<{code}")))
        return value

    def string(self) -> str:
        return self.bytes(self.number("Q")).decode("utf-8")

    def value(self, kind: int) -> Any:
        if kind == _STRING:
            return self.string()
        if kind == _ARRAY:
            return self._array_length()
        if kind not in _NUMBERS:
            msg = f"a value of type {kind}"
            raise EOFError(msg)
        return self.number(_NUMBERS[kind])

    def _array_length(self) -> int:
        kind, length = self.number("I"), int(self.number("Q"))
        if kind in _NUMBERS:
            self.bytes(length * struct.calcsize(f"<{_NUMBERS[kind]}"))
            return length
        for _ in range(length):
            if kind == _STRING:
                self.bytes(self.number("Q"))
            else:
                self.value(kind)
        return length


def _byte_count(path: Path, entry: TensorEntry) -> int:
    from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType

    if entry.format not in GGMLQuantizationType.__members__:
        what = f"has {entry.name} in the number format {entry.format!r}, which is not known here."
        raise BadFile(path, what, hint=OTHER_SOURCE)
    elements, size = map(int, GGML_QUANT_SIZES[GGMLQuantizationType[entry.format]])
    return prod(entry.shape) // elements * size
