"""Atomic writing of files, and messages for the errors of filesystems."""

import contextlib
import errno
import logging
import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

from diffkit.errors import StoreError, StoreUnwritable

log = logging.getLogger("diffkit.runs")
R = TypeVar("R", bound=BaseModel)
_ELSEWHERE = "Choose another: --store DIR."
_REASONS = {
    errno.ENOSPC: ("has no space left", "Free some, or choose another --store."),
    errno.EDQUOT: ("has used up its quota", "Free some, or choose another --store."),
    errno.EFBIG: ("may not hold a file of this size", _ELSEWHERE),
    errno.EROFS: ("is read-only", _ELSEWHERE),
    errno.EACCES: ("may not be written", _ELSEWHERE),
    errno.EPERM: ("may not be written", _ELSEWHERE),
    errno.ENOTDIR: ("lies below a file", _ELSEWHERE),
    errno.EEXIST: ("is not a folder", _ELSEWHERE),
}


@contextlib.contextmanager
def explain_write_errors(root: Path) -> Iterator[None]:
    """Turns errors of the filesystem into a `StoreUnwritable` with a hint."""
    try:
        yield
    except OSError as error:
        if error.errno not in _REASONS:
            raise
        reason, hint = _REASONS[error.errno]
        what = f"The store {root} {reason}."
        raise StoreUnwritable(what, hint=f"{hint} Finished runs are safe.") from error


def read_stored(path: Path, model: type[R]) -> R:
    """A record that an evaluation wrote into the store.

    Raises:
        StoreError: it is gone, or damaged.
    """
    try:
        return model.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        hint = f"Remove {path.parent} and run `diffkit evaluate` again; it is made anew."
        raise StoreError(f"{path} is missing or damaged.", hint=hint) from error


def read_or_warn(read: Callable[[], R]) -> R | None:
    """The result of ``read``; none, with a warning, if the file is missing or damaged."""
    try:
        return read()
    except StoreError as error:
        log.warning("%s It is made anew.", error.what)
        return None


def write_atomically(path: Path, text: str) -> None:
    """Writes a file completely or not at all."""
    fresh = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        fresh.write_text(text, encoding="utf-8")
        flush_to_disk(fresh)
        fresh.replace(path)
    except OSError:
        fresh.unlink(missing_ok=True)
        raise


def flush_to_disk(path: Path, *, below: bool = True) -> None:
    """Waits until a file, or a folder with everything ``below`` it, is on the disk."""
    for each in [*(path.rglob("*") if below else ()), path]:
        handle = os.open(each, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def remove(path: Path) -> None:
    """Removes a file or a folder, if it exists."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
