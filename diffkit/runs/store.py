"""The store: folders named by digest, each complete or absent.

    store.json                 format of the store
    work/<digest>/             unfinished work: about.json, checkpoint, failure
    work/<digest>.lease        the process that works on it
    runs/<digest>/             manifest.json, findings.json, artifacts/
    attempts/<digest>/         attempt.json, transcript.jsonl where a language model was asked
    grades/<digest>/           grade.json, transcript.jsonl likewise
    gates/<digest>/            expression.json
    evaluations/<name>.json    the runs, attempts and grades of each organism

    index.sqlite               which records there are; made from them (`diffkit.records`)

Records are what counts: the index can be removed at any time.
"""

import contextlib
import json
import os
import shutil
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from diffkit.errors import StoreError, UserError
from diffkit.runs.files import explain_write_errors, flush_to_disk, remove, write_atomically
from diffkit.runs.lease import is_held, lease
from diffkit.runs.manifest import ABOUT_FILE, RunAbout, StoredRun, read_run

Kind = Literal["runs", "attempts", "grades", "gates"]
STORE = "DIFFKIT_STORE"
"""Variable that names the store."""
DEFAULT_STORE = "diffkit-runs"
FORMAT = 1
POLL = 0.2
"""Seconds between two checks on the work of another process."""
_TRASH = "trash-"


def store_folder(given: str | Path | None = None) -> Path:
    """The folder that is given, else the one that the variable names, else ``diffkit-runs``."""
    return Path(given or os.environ.get(STORE) or DEFAULT_STORE)


@dataclass(frozen=True)
class Unfinished:
    """Work that has begun and is not finished."""

    digest: str
    held: bool
    """Whether a living process works on it."""
    failure: str
    """The error it failed with; empty if it was interrupted."""
    about: RunAbout = field(default_factory=RunAbout)
    """What the run is about; unknown if an earlier version began it."""


@dataclass(frozen=True)
class Store:
    """A folder of finished runs, attempts and grades."""

    root: Path

    def prepare(self) -> "Store":
        """Makes the store ready for writing, and creates it if it is missing.

        Raises:
            StoreError: it cannot be written, or a newer diffkit wrote it.
        """
        self.check()
        with explain_write_errors(self.root):
            (self.root / "work").mkdir(parents=True, exist_ok=True)
            stamp = self.root / "store.json"
            if not stamp.exists():
                write_atomically(stamp, json.dumps({"format": FORMAT}))
            for trash in (self.root / "work").glob(f"{_TRASH}*"):
                shutil.rmtree(trash, ignore_errors=True)  # a process died while it removed a run
        return self

    def check(self) -> None:
        """Raises `StoreError` if it is no store, or a newer diffkit wrote it."""
        if self.root.exists() and not self.root.is_dir():
            hint = "Choose another: --store DIR."
            raise StoreError(f"The store {self.root} is not a folder.", hint=hint)
        stamp = self.root / "store.json"
        if not stamp.exists():
            return
        try:
            found = int(json.loads(stamp.read_text())["format"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            hint = f'It should hold {{"format": {FORMAT}}}; runs are not affected.'
            raise StoreError(f"The store's {stamp} cannot be read.", hint=hint) from error
        if found > FORMAT:
            what = f"The store {self.root} has format {found}; this diffkit reads {FORMAT}."
            raise StoreError(what, hint="Upgrade diffkit, or choose another --store.")

    def place(self, kind: Kind, digest: str) -> Path:
        """The path of the finished folder, whether or not it exists.

        Raises:
            StoreError: ``digest`` is no name of a folder, but leads elsewhere.
        """
        if digest in ("", ".", "..") or Path(digest).name != digest:
            what = f"{digest!r} is no digest of {kind}."
            raise StoreError(what, hint="A record that names it is damaged: make it again.")
        return self.root / kind / digest

    def has(self, kind: Kind, digest: str) -> bool:
        """Whether the folder is finished."""
        return self.place(kind, digest).exists()

    @contextlib.contextmanager
    def work(self, kind: Kind, digest: str, *, fresh: bool = False) -> Iterator[Path | None]:
        """A folder to work in, renamed into place when the body ends without an error.

        Yields none while another process works on it, and if one has finished it: check again
        later. The files of an interrupted process are still there, unless ``fresh``.
        """
        folder = self.root / "work" / digest
        with explain_write_errors(self.root), lease(folder.with_name(f"{digest}.lease")) as mine:
            if mine is None:
                yield None
                return
            if fresh:
                remove(folder)
            elif self.has(kind, digest):
                remove(folder)
                yield None
                return
            folder.mkdir(exist_ok=True)
            try:
                yield folder
                if mine.kept:  # otherwise another process took over the lease and the folder
                    self._publish(folder, self.place(kind, digest))
            finally:
                _remove_if_useless(folder)

    def get_or_create(
        self, kind: Kind, digest: str, make: Callable[[Path], None], *, fresh: bool = False
    ) -> Path:
        """The finished folder; ``make`` fills it unless it exists or another process makes it."""
        made = False
        while not self.has(kind, digest) or (fresh and not made):
            with self.work(kind, digest, fresh=fresh) as folder:
                if folder is not None:
                    make(folder)
                    made = True
            if not (made and self.has(kind, digest)):  # another process works on it
                time.sleep(POLL)
        return self.place(kind, digest)

    def _publish(self, folder: Path, place: Path) -> None:
        flush_to_disk(folder)
        place.parent.mkdir(exist_ok=True)
        if place.exists():  # a fresh run replaces the old one
            self._discard(place)
        folder.rename(place)
        flush_to_disk(place.parent, below=False)

    def _discard(self, place: Path) -> None:
        """Removes it in one step, so that readers see all of it or nothing."""
        trash = self.root / "work" / f"{_TRASH}{uuid.uuid4().hex}"
        place.rename(trash)
        shutil.rmtree(trash, ignore_errors=True)  # `prepare` removes the rest

    def runs(self) -> Iterator[StoredRun]:
        """Finished runs, oldest first; those that cannot be read are left out."""
        found = []
        for path in (self.root / "runs").glob("*"):
            with contextlib.suppress(StoreError):
                found.append(read_run(path))
        yield from sorted(found, key=lambda run: (run.manifest.started, run.manifest.digest))

    def damaged(self) -> Iterator[StoreError]:
        """The error of each run that `runs` leaves out."""
        for path in sorted((self.root / "runs").glob("*")):
            try:
                read_run(path)
            except StoreError as error:
                yield error

    def run(self, prefix: str) -> StoredRun:
        """The finished run whose digest is, or starts with, ``prefix``.

        Raises:
            UserError: none does, or several do.
            StoreError: it is damaged.
        """
        return read_run(self.find(prefix))

    def remove(self, prefixes: Iterable[str]) -> tuple[str, ...]:
        """Removes runs, finished or not: all of them, or none if one is not found.

        Returns:
            Their digests.

        Raises:
            UserError: a prefix fits none or several, or a living process works on the run.
        """
        paths = dict.fromkeys(self.find(prefix, ("runs", "work")) for prefix in prefixes)
        for path in paths:
            if is_held(self.root / "work" / f"{path.name}.lease"):
                what = f"Another process is working on the run {path.name[:12]}."
                raise UserError(what, hint="Wait for it, or stop it first.")
        with explain_write_errors(self.root):
            (self.root / "work").mkdir(exist_ok=True)
            for path in paths:
                self._discard(path)
        return tuple(path.name for path in paths)

    def find(self, prefix: str, kinds: Sequence[Kind | Literal["work"]] = ("runs",)) -> Path:
        """The one folder whose name is, or starts with, ``prefix``, in the first kind with such.

        No folder is scanned if the digest is complete.

        Raises:
            UserError: none does, or several do.
        """
        found: list[Path] = []
        for folder in (self.root / kind for kind in kinds):
            if prefix.isalnum() and not found:
                whole = folder / prefix
                found = [whole] if whole.is_dir() else _folders(folder.glob(f"{prefix}*"))
        if len(found) != 1:
            nouns = ", ".join(kind for kind in kinds if kind != "work")
            what = f"{len(found) or 'No'} {nouns} in {self.root} start with {prefix!r}."
            listed = " and `diffkit runs list --attempts`" if "attempts" in kinds else ""
            raise UserError(what, hint=f"List them with `diffkit runs list`{listed}.")
        return found[0]

    def folders(self, kind: Kind) -> Iterator[Path]:
        """The finished folders of a kind, oldest first."""
        found = [(path.stat().st_mtime, path) for path in _folders((self.root / kind).glob("*"))]
        yield from (path for _, path in sorted(found))

    def unfinished(self) -> Iterator[Unfinished]:
        """Work that has begun and is not finished."""
        for folder in sorted(_folders((self.root / "work").glob("*"))):
            if not folder.name.startswith(_TRASH):
                busy = is_held(folder.with_name(f"{folder.name}.lease"))
                yield Unfinished(folder.name, busy, _failure(folder), _about(folder))


def _folders(paths: Iterable[Path]) -> list[Path]:
    return [path for path in paths if path.is_dir()]


def _remove_if_useless(folder: Path) -> None:
    """Removes a work folder in which nothing was left that a next attempt could use."""
    with contextlib.suppress(OSError):
        if [path.name for path in folder.iterdir()] == [ABOUT_FILE]:
            (folder / ABOUT_FILE).unlink()
        folder.rmdir()


def _about(folder: Path) -> RunAbout:
    try:
        text = (folder / ABOUT_FILE).read_text(encoding="utf-8")
        return RunAbout.model_validate_json(text)
    except (OSError, ValueError):
        return RunAbout()


def _failure(folder: Path) -> str:
    try:
        return str(json.loads((folder / "failure.json").read_text(encoding="utf-8"))["error"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""
