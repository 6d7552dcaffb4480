"""Provenance of a run: library versions, source hash, git commit and peak memory."""

import importlib.metadata
import importlib.util
import subprocess
import sys
import threading
from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from pathlib import Path
from types import TracebackType

import psutil

LIBRARIES = ("diffkit", "torch", "transformers", "peft", "nnsight", "numpy")


def versions() -> Mapping[str, str]:
    """Versions of the libraries that results may depend on."""
    return {name: importlib.metadata.version(name) for name in LIBRARIES}


@cache
def source_hash(target: str) -> str:
    """Hash of the Python files around an import target (``package.module:name``).

    These are all files of the module's package, or the module alone if it is in none. Only the
    packages above it are imported. Empty if there is no such module.
    """
    file = _source_file(target)
    if file is None:
        return ""
    package = (file.parent / "__init__.py").exists()
    files = sorted(file.parent.rglob("*.py")) if package else [file]
    hashed = sha256()
    for path in files:
        hashed.update(path.relative_to(file.parent).as_posix().encode() + b"\0" + path.read_bytes())
    return hashed.hexdigest()


@cache
def git_state(target: str) -> str:
    """Commit of the work tree of an import target's source, with ``+`` if it was changed.

    Empty if the source is in no work tree, as for an installed package, or if there is no git.
    """
    file = _source_file(target)
    if file is None:
        return ""
    git = ["git", "-C", str(file.parent)]
    try:
        tracked = _command_output([*git, "ls-files", file.name])
        commit, changes = (
            _command_output([*git, "rev-parse", "HEAD"]),
            _command_output([*git, "status", "--porcelain"]),
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return f"{commit}{'+' * bool(changes)}" if tracked else ""


def _command_output(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=10)  # noqa: S603
    return done.stdout.strip()


def _source_file(target: str) -> Path | None:
    try:
        found = importlib.util.find_spec(target.partition(":")[0])
    except ImportError:
        return None
    return Path(found.origin) if found and found.origin else None


class PeakMemory:
    """Measures the largest memory in use while the body runs: ``with PeakMemory() as peak: …``.

    On CUDA it is the peak of the device's allocator; elsewhere the process's resident memory is
    sampled every ``interval`` seconds.
    """

    def __init__(self, device: str, interval: float = 0.05) -> None:
        self.bytes = 0
        self._cuda = device.startswith("cuda")
        self._device = device
        self._interval = interval
        self._stop = threading.Event()
        self._watch = threading.Thread(target=self._sample, daemon=True)

    def __enter__(self) -> "PeakMemory":
        if self._cuda:
            sys.modules["torch"].cuda.reset_peak_memory_stats(self._device)
        self._watch.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._watch.join()
        if self._cuda:
            self.bytes = sys.modules["torch"].cuda.max_memory_allocated(self._device)

    def _sample(self) -> None:
        process = psutil.Process()
        while True:
            self.bytes = max(self.bytes, process.memory_info().rss)
            if self._stop.wait(self._interval):
                return
