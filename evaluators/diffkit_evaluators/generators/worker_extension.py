"""Ends an engine whose parent process was killed, which would otherwise keep its memory.

A module of its own, since vLLM imports it in the worker process.
"""

import os
import threading
from itertools import takewhile

import psutil


class ParentWatchExtension:
    """What vLLM adds to its worker class (``worker_extension_cls``)."""

    def exit_with_parent(self, pid: int) -> None:
        """Ends this process, and those between, once the one that started the engine is gone.

        Args:
            pid: of the process that started the engine.
        """
        above = psutil.Process().parents()
        if pid in {process.pid for process in above}:
            between = list(takewhile(lambda process: process.pid != pid, above))
            starter = psutil.Process(pid)
            threading.Thread(target=_exit_after, args=(starter, between), daemon=True).start()


def _exit_after(starter: psutil.Process, between: list[psutil.Process]) -> None:
    starter.wait()
    for process in between:
        process.kill()
    os._exit(1)
