"""Runs a function on several daemon threads, which do not delay the end of the program."""

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

NAME = "diffkit-worker"
"""Of each thread."""

T = TypeVar("T")

R = TypeVar("R")


@dataclass(frozen=True)
class Completed(Generic[T, R]):
    """One item and what came of it."""

    item: T
    result: R


def run_concurrently(
    items: Sequence[T], work: Callable[[T], R], workers: int
) -> Iterator[Completed[T, R]]:
    """Works on ``items``, begun in their order, and yields each as it is finished.

    What ``work`` raises is raised here; what was not begun by then is left. The threads are
    daemons, so that Ctrl-C need not wait for an answer from far away.

    Args:
        items: what to work on.
        work: done to each, on any thread.
        workers: threads; one does all of it in the caller's.
    """
    if workers <= 1 or len(items) <= 1:
        yield from (Completed(item, work(item)) for item in items)
        return
    pending: queue.SimpleQueue[T] = queue.SimpleQueue()
    finished: queue.SimpleQueue[Any] = queue.SimpleQueue()
    for item in items:
        pending.put(item)
    stop = threading.Event()
    for _ in range(min(workers, len(items))):
        given = (pending, finished, work, stop)
        threading.Thread(target=_drain, args=given, name=NAME, daemon=True).start()
    try:
        for _ in items:
            one = finished.get()
            if isinstance(one, BaseException):
                raise one
            yield one
    finally:
        stop.set()


def _drain(
    pending: "queue.SimpleQueue[T]",
    finished: "queue.SimpleQueue[Any]",
    work: Callable[[T], R],
    stop: threading.Event,
) -> None:
    while not stop.is_set():
        try:
            item = pending.get_nowait()
        except queue.Empty:
            return
        try:
            finished.put(Completed(item, work(item)))
        except BaseException as error:
            finished.put(error)
