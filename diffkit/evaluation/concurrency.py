"""Runs a function on several daemon threads, which do not delay the end of the program."""

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

THREAD_NAME = "diffkit-worker"
T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True)
class Completed(Generic[T, R]):
    """One item and its result."""

    item: T
    result: R


def run_concurrently(
    items: Sequence[T], work: Callable[[T], R], workers: int
) -> Iterator[Completed[T, R]]:
    """Calls ``work`` on ``items``, started in their order, and yields results as they finish.

    An exception of ``work`` is raised here, and items that were not started are dropped. The
    threads are daemons, so that Ctrl-C does not wait for answers of remote models.

    Args:
        items: the items.
        work: called with each item on any thread.
        workers: number of threads; 1 works in the calling thread.
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
        args = (pending, finished, work, stop)
        threading.Thread(target=_drain, args=args, name=THREAD_NAME, daemon=True).start()
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
