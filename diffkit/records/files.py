"""The files of a store that may be read: regular ones, within the store, of a size that fits."""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from diffkit.errors import StoreError

RecordKind = Literal["runs", "attempts", "grades", "evaluations"]
"""Folders of a store that the index covers."""
FILES: dict[RecordKind, str] = {
    "runs": "manifest.json",
    "attempts": "attempt.json",
    "grades": "grade.json",
}
"""The file that makes a folder a record; an evaluation is one file."""
KINDS: tuple[RecordKind, ...] = (*FILES, "evaluations")
MAX_BYTES = 64 * 2**20
"""Largest record that a listing reads, and largest findings and transcripts that are searched."""

ANY_SIZE = 2**40
"""Bytes: no limit for a record that is asked for by name."""


@dataclass(frozen=True)
class FileStamp:
    """By what a changed file is known."""

    modified: int
    """Nanoseconds."""
    size: int
    """Bytes."""


def record_file(root: Path, kind: RecordKind, name: str) -> Path:
    """The file of a record, whether or not it exists."""
    return (
        root / kind / f"{name}.json" if kind == "evaluations" else root / kind / name / FILES[kind]
    )


def check_file(root: Path, path: Path, *, limit: int = MAX_BYTES) -> FileStamp:
    """What a file of a store is now.

    Args:
        root: the store's folder, with links resolved.
        path: the file.
        limit: bytes that it may have.

    Raises:
        StoreError: it is missing, no regular file, larger, or leads outside the store.
    """
    try:
        real = Path(os.path.realpath(path))
        found = real.stat()
    except (OSError, ValueError) as error:
        raise _refused(path, "is missing or cannot be read") from error
    if not real.is_relative_to(root):
        raise _refused(path, "leads outside the store")
    if not stat.S_ISREG(found.st_mode):
        raise _refused(path, "is no file")
    if found.st_size > limit:
        raise _refused(path, f"has {found.st_size:,} bytes; at most {limit:,} are read")
    return FileStamp(found.st_mtime_ns, found.st_size)


def _refused(path: Path, why: str) -> StoreError:
    hint = (
        f"Remove {path.parent.name} and make it again, or leave it: other records are not affected."
    )
    return StoreError(f"{path} {why}.", hint=hint)


def names_in(root: Path, kind: RecordKind) -> Iterator[str]:
    """Names of the records of a kind, in no order; readable or not."""
    folder = root / kind
    if os.path.realpath(folder) != str(folder):  # a link: what it leads to is not this store's
        return
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if name := _name(entry, kind):
                    yield name
    except OSError:
        return


def _name(entry: "os.DirEntry[str]", kind: RecordKind) -> str:
    if entry.name.startswith("."):  # a file that is being written
        return ""
    if kind == "evaluations":
        return entry.name.removesuffix(".json") if entry.name.endswith(".json") else ""
    return entry.name if entry.is_dir() else ""


def folder_time(root: Path, kind: RecordKind) -> int:
    """When records were last added to or removed from a kind, in nanoseconds; 0: there are none."""
    try:
        return (root / kind).stat().st_mtime_ns
    except OSError:
        return 0
