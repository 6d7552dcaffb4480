"""Leases: one process at a time does a piece of work; others take over from a dead process."""

import contextlib
import json
import os
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

HEARTBEAT = 10.0
"""Seconds between two heartbeats."""
STALE = 60.0
"""Seconds without a heartbeat after which a holder on another host counts as dead."""
_SAME_BIRTH = 2.0
"""Seconds that a process's start may seem to move when the clock is set."""


@dataclass(frozen=True)
class Lease:
    """A lease that this process took."""

    file: Path
    token: str
    """Unique to this taking."""

    @property
    def kept(self) -> bool:
        """Whether this process still has it: others may have considered this process dead."""
        holder = _read(self.file)
        return holder is not None and holder.get("token") == self.token


@contextlib.contextmanager
def lease(file: Path) -> Iterator[Lease | None]:
    """Holds ``file``; yields none if a living process holds it.

    The lease is a file created exclusively, which is atomic on network filesystems too. On this
    host a holder is dead when its process is; elsewhere when its heartbeat has stopped. The file is
    beside the work and not in it, so that it remains when a finished folder is renamed.
    """
    token = uuid.uuid4().hex
    if not (_create(file, token) or (_dead(file) and _take_over(file, token))):
        yield None
        return
    mine = Lease(file, token)
    stop = threading.Event()
    beat = threading.Thread(target=_beat, args=(mine, stop), daemon=True)
    beat.start()
    try:
        yield mine
    finally:
        stop.set()
        beat.join()
        if mine.kept:
            file.unlink(missing_ok=True)


def is_held(file: Path) -> bool:
    """Whether a living process holds ``file``."""
    return file.exists() and not _dead(file)


def _host() -> str:
    """This host and its pid namespace: containers on one host have pids of their own."""
    try:
        return f"{socket.gethostname()} {os.readlink('/proc/self/ns/pid')}"  # noqa: PTH115
    except OSError:
        return socket.gethostname()


def _create(file: Path, token: str) -> bool:
    try:
        handle = os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
    except FileExistsError:
        return False
    pid = os.getpid()
    me = {"token": token, "host": _host(), "pid": pid, "born": _born(pid)}
    try:
        with os.fdopen(handle, "w") as out:
            out.write(json.dumps(me))
    except OSError:  # a full disk: an empty lease would lock everyone out until it is stale
        file.unlink(missing_ok=True)
        raise
    return True


def _born(pid: int) -> float | None:
    """The start time of a process; none if there is no such process, or only a zombie."""
    try:
        process = psutil.Process(pid)
        zombie = process.status() == psutil.STATUS_ZOMBIE
        return None if zombie else float(process.create_time())
    except psutil.Error:
        return None


def _read(file: Path) -> dict[str, object] | None:
    """The holder; none if the file is missing or incomplete."""
    try:
        holder = json.loads(file.read_text())
    except (OSError, ValueError):
        return None
    return holder if isinstance(holder, dict) else None


def _dead(file: Path) -> bool:
    try:
        silent = time.time() - file.stat().st_mtime > STALE
    except FileNotFoundError:
        return False
    holder = _read(file) or {}
    pid, recorded = holder.get("pid"), holder.get("born")
    if not isinstance(pid, int) or holder.get("host") != _host():
        return silent
    born = _born(pid)
    if born is None:
        return True
    same = isinstance(recorded, float) and abs(born - recorded) < _SAME_BIRTH
    return silent and not same


def _take_over(file: Path, token: str) -> bool:
    """Removes a dead holder's lease; a second file ensures that only one process does so."""
    guard = file.with_name(f"{file.name}.takeover")
    with contextlib.suppress(FileNotFoundError):
        if time.time() - guard.stat().st_mtime > STALE:  # its maker died while taking over
            guard.unlink()
    if not _create(guard, token):
        return False
    try:
        if not _dead(file):
            return False
        file.unlink(missing_ok=True)
        return _create(file, token)
    finally:
        guard.unlink(missing_ok=True)


def _beat(mine: Lease, stop: threading.Event) -> None:
    while not stop.wait(HEARTBEAT) and mine.kept:
        with contextlib.suppress(OSError):
            os.utime(mine.file)
