"""A lease: one process at a time works in a folder, and a dead one's folder is taken over."""

import contextlib
import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

HEARTBEAT = 10.0
"""Seconds between two signs of life."""
STALE = 60.0
"""Seconds without one after which a holder on another host counts as dead."""


@contextlib.contextmanager
def lease(folder: Path) -> Iterator[bool]:
    """Holds ``folder``; yields whether this process got it.

    The lease is a file created exclusively, which network filesystems do atomically too. On this
    host a holder is dead when its process is; elsewhere when its heartbeat has stopped.
    """
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "lease.json"
    if not (_create(file) or (_dead(file) and _take_over(file))):
        yield False
        return
    stop = threading.Event()
    beat = threading.Thread(target=_beat, args=(file, stop), daemon=True)
    beat.start()
    try:
        yield True
    finally:
        stop.set()
        beat.join()
        file.unlink(missing_ok=True)


def held(folder: Path) -> bool:
    """Whether a living process holds ``folder``."""
    file = folder / "lease.json"
    return file.exists() and not _dead(file)


def _create(file: Path) -> bool:
    try:
        handle = os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
    except FileExistsError:
        return False
    except FileNotFoundError:
        return False  # the folder was finished and renamed between two looks
    with os.fdopen(handle, "w") as out:
        me = {"host": socket.gethostname(), "pid": os.getpid(), "born": _born(os.getpid())}
        out.write(json.dumps(me))
    return True


def _born(pid: int) -> float | None:
    try:
        return float(psutil.Process(pid).create_time())
    except psutil.Error:
        return None


def _dead(file: Path) -> bool:
    try:
        holder = json.loads(file.read_text())
        age = time.time() - file.stat().st_mtime
    except FileNotFoundError:
        return False
    except json.JSONDecodeError:  # being written this moment, or its writer died in between
        return time.time() - file.stat().st_mtime > STALE
    if holder["host"] == socket.gethostname():
        return _born(holder["pid"]) != holder["born"]
    return age > STALE


def _take_over(file: Path) -> bool:
    """Removes a dead holder's lease; a second file makes sure that only one process does."""
    guard = file.with_name("lease.takeover")
    if guard.exists() and time.time() - guard.stat().st_mtime > STALE:
        guard.unlink(missing_ok=True)
    if not _create(guard):
        return False
    try:
        if not _dead(file):
            return False
        file.unlink(missing_ok=True)
        return _create(file)
    finally:
        guard.unlink(missing_ok=True)


def _beat(file: Path, stop: threading.Event) -> None:
    while not stop.wait(HEARTBEAT):
        with contextlib.suppress(OSError):
            os.utime(file)
