"""Folders under names that tell nothing: engines repeat the names of files in logs and errors."""

import itertools
import tempfile
from pathlib import Path


class OpaqueLinks:
    """A temporary folder of links, numbered in the order of their making."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="diffkit-")
        self._numbers = itertools.count(1)

    def link(self, target: Path) -> Path:
        """A new link to ``target``."""
        link = Path(self._folder.name) / f"model-{next(self._numbers)}"
        link.symlink_to(target.resolve(), target_is_directory=True)
        return link

    def close(self) -> None:
        """Removes the links, and nothing that they lead to."""
        self._folder.cleanup()
