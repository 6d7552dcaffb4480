"""Names, shapes and content hashes of a safetensors file, read without torch.

The header is parsed here and not by the library, because the message for a truncated
download should say how many bytes are missing, and because the hash needs the raw bytes
in order, one tensor at a time.
"""

import hashlib
import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from diffkit.errors import BadFile

_PREFIX = 8
"""Bytes of the header's length, little-endian."""

_CHUNK = 1 << 20
"""Bytes hashed at a time."""

_DOWNLOAD_AGAIN = "Copy or download it again."


@dataclass(frozen=True)
class TensorHeader:
    """A tensor as a safetensors header describes it."""

    name: str
    """Its key."""
    dtype: str
    """Number format in safetensors' words, such as ``BF16``."""
    shape: tuple[int, ...]
    """Its shape."""
    start: int
    """Offset of its first byte in the file."""
    stop: int
    """Offset after its last byte."""


def read_header(path: Path) -> tuple[TensorHeader, ...]:
    """The tensors of a safetensors file, in the order of their names.

    Raises:
        BadFile: the file is missing, cut short, longer than its header says, or malformed.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            length = _header_length(path, file.read(_PREFIX), size)
            header = json.loads(file.read(length))
    except OSError as error:
        raise BadFile(path, f"cannot be read ({error.strerror}).") from error
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise BadFile(path, "has a malformed safetensors header.", hint=_DOWNLOAD_AGAIN) from error
    tensors = _tensors(path, header, _PREFIX + length)
    expected = max((tensor.stop for tensor in tensors), default=_PREFIX + length)
    if size != expected:
        what = f"holds {size} bytes where its header promises {expected}."
        raise BadFile(path, what, hint=_DOWNLOAD_AGAIN)
    return tensors


def _header_length(path: Path, prefix: bytes, size: int) -> int:
    if len(prefix) < _PREFIX:
        what = f"holds {size} bytes where a safetensors file has at least {_PREFIX}."
        raise BadFile(path, what, hint=_DOWNLOAD_AGAIN)
    length = int(struct.unpack("<Q", prefix)[0])
    if _PREFIX + length > size:
        what = f"holds {size} bytes where its header alone takes {_PREFIX + length}."
        raise BadFile(path, what, hint=_DOWNLOAD_AGAIN)
    return length


def _tensors(path: Path, header: object, offset: int) -> tuple[TensorHeader, ...]:
    if not isinstance(header, Mapping):
        raise BadFile(path, "has a safetensors header that is not an object.", hint=_DOWNLOAD_AGAIN)
    names = sorted(name for name in header if name != "__metadata__")
    return tuple(_tensor(path, name, header[name], offset) for name in names)


def _tensor(path: Path, name: str, entry: Any, offset: int) -> TensorHeader:
    try:
        start, stop = (offset + int(place) for place in entry["data_offsets"])
        shape = tuple(int(length) for length in entry["shape"])
        stored = TensorHeader(name, str(entry["dtype"]), shape, start, stop)
    except (KeyError, TypeError, ValueError) as error:
        what = "has a malformed entry in its safetensors header."
        raise BadFile(path, what, field=name, hint=_DOWNLOAD_AGAIN) from error
    if not offset <= start <= stop:
        raise BadFile(path, "lies outside the file.", field=name, hint=_DOWNLOAD_AGAIN)
    return stored


_digests: dict[tuple[str, int, int], tuple[tuple[str, ...], ...]] = {}


def tensor_digests(path: Path) -> tuple[tuple[str, ...], ...]:
    """(name, dtype, shape, SHA-256 of the bytes) of each tensor, in the order of the names.

    Kept for the life of the process, under the file's real path, size and time of change.

    Raises:
        BadFile: as `read_header`.
    """
    tensors = read_header(path)
    stat = path.stat()
    key = (str(path.resolve()), stat.st_size, stat.st_mtime_ns)
    if key not in _digests:
        with path.open("rb") as file:
            _digests[key] = tuple(
                (t.name, t.dtype, json.dumps(t.shape), _sha256(file, t)) for t in tensors
            )
    return _digests[key]


def _sha256(file: Any, tensor: TensorHeader) -> str:
    digest = hashlib.sha256()
    file.seek(tensor.start)
    left = tensor.stop - tensor.start
    while left:
        block = file.read(min(_CHUNK, left))
        digest.update(block)
        left -= len(block)
    return digest.hexdigest()
