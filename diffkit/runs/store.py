"""The store: folders named by digest, finished whole or not there at all.

    store.json                 format of the store
    work/<digest>/             what is being worked on: lease, checkpoint, failure
    runs/<digest>/             manifest.json, findings.json, artifacts/
    attempts/<digest>/         attempt.json
    grades/<digest>/           grade.json
    evaluations/<name>.json    which organism stands for which run, attempt and grade

Manifests are the truth and are scanned; there is no database to corrupt.
"""

import contextlib
import errno
import json
import os
import shutil
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from diffkit.errors import StoreError, UserError
from diffkit.runs.lease import held, lease
from diffkit.runs.manifest import Manifest, StoredRun

Kind = Literal["runs", "attempts", "grades"]
FORMAT = 1


@dataclass(frozen=True)
class Store:
    """A folder of finished runs, attempts and grades."""

    root: Path

    def prepare(self) -> "Store":
        """Makes the store ready for writing, creating it where it is missing.

        Raises:
            StoreError: it cannot be written, or a newer diffkit wrote it.
        """
        with writing(self.root):
            self.root.mkdir(parents=True, exist_ok=True)
            stamp = self.root / "store.json"
            if not stamp.exists():
                write_atomically(stamp, json.dumps({"format": FORMAT}))
        self.check()
        return self

    def check(self) -> None:
        """Raises `StoreError` where a newer diffkit wrote the store."""
        stamp = self.root / "store.json"
        found = json.loads(stamp.read_text())["format"] if stamp.exists() else FORMAT
        if found > FORMAT:
            what = f"The store {self.root} has format {found}; this diffkit reads {FORMAT}."
            raise StoreError(what, cure="Upgrade diffkit, or choose another --store.")

    def place(self, kind: Kind, digest: str) -> Path:
        """Where the finished folder lies, or will."""
        return self.root / kind / digest

    def has(self, kind: Kind, digest: str) -> bool:
        """Whether it is finished."""
        return self.place(kind, digest).exists()

    @contextlib.contextmanager
    def work(self, kind: Kind, digest: str, *, fresh: bool = False) -> Iterator[Path | None]:
        """A folder to work in, renamed into place when the body ends without an error.

        Yields none where another process works on it or has finished it: look again later.
        """
        folder = self.root / "work" / digest
        with writing(self.root), lease(folder) as mine:
            if not mine:
                yield None
            elif self.has(kind, digest) and not fresh:
                shutil.rmtree(folder)
                yield None
            else:
                yield folder
                self._publish(folder, self.place(kind, digest))

    def _publish(self, folder: Path, place: Path) -> None:
        for leftover in ("checkpoint", "failure.json"):
            _remove(folder / leftover)
        _sync(folder)
        place.parent.mkdir(exist_ok=True)
        if place.exists():  # a fresh run replaces the old one
            self._discard(place)
        folder.rename(place)
        (place / "lease.json").unlink(missing_ok=True)
        _sync(place.parent)

    def _discard(self, place: Path) -> None:
        trash = self.root / "work" / f"trash-{uuid.uuid4().hex}"
        place.rename(trash)
        shutil.rmtree(trash)

    def runs(self) -> Iterator[StoredRun]:
        """Finished runs, oldest first."""
        found = [stored for path in (self.root / "runs").glob("*") if (stored := _read(path))]
        yield from sorted(found, key=lambda run: (run.manifest.started, run.manifest.digest))

    def run(self, prefix: str) -> StoredRun:
        """The finished run whose digest starts with ``prefix``.

        Raises:
            UserError: none does, or several do.
        """
        paths = sorted((self.root / "runs").glob(f"{prefix}*")) if prefix.isalnum() else []
        if len(paths) != 1:
            what = f"{len(paths) or 'No'} runs in {self.root} start with {prefix!r}."
            raise UserError(what, cure="List them with `diffkit runs list`.")
        if stored := _read(paths[0]):
            return stored
        what = f"The run {paths[0].name} has no readable manifest."
        raise StoreError(what, cure=f"Remove it: diffkit runs rm {paths[0].name}")

    def remove(self, prefix: str) -> str:
        """Removes one run; returns its digest."""
        paths = sorted((self.root / "runs").glob(f"{prefix}*")) if prefix.isalnum() else []
        if len(paths) != 1:
            what = f"{len(paths) or 'No'} runs in {self.root} start with {prefix!r}."
            raise UserError(what, cure="List them with `diffkit runs list`.")
        with writing(self.root):
            (self.root / "work").mkdir(exist_ok=True)
            self._discard(paths[0])
        return paths[0].name

    def unfinished(self) -> Iterator[tuple[Path, bool]]:
        """Work folders, and whether a living process holds each."""
        for folder in sorted((self.root / "work").glob("*")):
            yield folder, held(folder)


def _read(folder: Path) -> StoredRun | None:
    try:
        text = (folder / "manifest.json").read_text(encoding="utf-8")
        return StoredRun(Manifest.model_validate_json(text), folder)
    except (OSError, ValidationError):
        return None


def write_atomically(path: Path, text: str) -> None:
    """Writes a file whole or not at all."""
    fresh = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        fresh.write_text(text, encoding="utf-8")
        fresh.replace(path)
    except OSError:
        fresh.unlink(missing_ok=True)
        raise


@contextlib.contextmanager
def writing(root: Path) -> Iterator[None]:
    """Turns what the filesystem refuses into a `StoreError` with a cure."""
    try:
        yield
    except OSError as error:
        reasons = {
            errno.ENOSPC: ("has no space left", "Free some, or choose another --store."),
            errno.EDQUOT: ("has used up its quota", "Free some, or choose another --store."),
            errno.EROFS: ("is read-only", "Choose another: --store DIR."),
            errno.EACCES: ("may not be written", "Choose another: --store DIR."),
            errno.EPERM: ("may not be written", "Choose another: --store DIR."),
            errno.ENOTDIR: ("is not a folder", "Choose another: --store DIR."),
            errno.EEXIST: ("is not a folder", "Choose another: --store DIR."),
        }
        if error.errno not in reasons:
            raise
        reason, cure = reasons[error.errno]
        what = f"The store {root} {reason}."
        raise StoreError(what, cure=f"{cure} Finished runs are safe.") from error


def _sync(folder: Path) -> None:
    for path in [*folder.rglob("*"), folder]:
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
