"""A progress line with rate and time left."""

import threading
import time
from collections.abc import Iterable, Iterator, Sized
from typing import TypeVar

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from diffkit.render import words

T = TypeVar("T")

PATIENCE = 2.0
"""Seconds that a loop may take before a line is shown."""


class RateColumn(ProgressColumn):
    """Steps per second, or seconds per step where that reads better."""

    def render(self, task: Task) -> Text:
        """The rate of ``task``."""
        if not task.speed:
            return Text("")
        if task.speed < 1:
            return Text(f"{1 / task.speed:.1f} s each")
        return Text(f"{task.speed:.1f}/s")


class WordsColumn(ProgressColumn):
    """How things stand, in the method's words: cut where the line ends."""

    def render(self, task: Task) -> Text:
        """The last words said of ``task``."""
        said = words.clean(task.fields["said"])
        return Text(said, style="dim", no_wrap=True, overflow="ellipsis")


class _Running(threading.local):
    """The loops that run now in this thread, innermost last."""

    def __init__(self) -> None:
        self.loops: list[tuple[Progress, TaskID]] = []


class _Display:
    """What is shown of the loops that run now: loops inside loops share one display.

    A timer starts it, so that a loop whose first step takes a minute is seen after two seconds.
    """

    def __init__(self, console: Console) -> None:
        self.bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            RateColumn(),
            TimeRemainingColumn(),
            WordsColumn(),
            console=console,
            transient=True,
        )
        self._lock = threading.Lock()
        self._stopped = False
        self._timer = threading.Timer(PATIENCE, self._start)
        self._timer.daemon = True
        self._timer.start()

    def _start(self) -> None:
        with self._lock:
            if not self._stopped:
                self.bar.start()

    def stop(self) -> None:
        """Takes it off the terminal, for good."""
        self._timer.cancel()
        with self._lock:
            self._stopped = True
            self.bar.stop()


_shown: list[_Display] = []
"""The display, while there is one."""
_running = _Running()


def track(
    items: Iterable[T], label: str, total: int | None, done: int, console: Console
) -> Iterator[T]:
    """Yields ``items`` and shows how far they are."""
    size = total if total is not None else len(items) if isinstance(items, Sized) else None
    outermost = not _shown
    if outermost:
        _shown.append(_Display(console))
    bar = _shown[0].bar
    began = time.monotonic()
    task = bar.add_task(label, total=size, completed=done, visible=outermost, said="")
    loops, loop = _running.loops, (bar, task)
    loops.append(loop)
    try:
        for item in items:
            yield item
            slow = time.monotonic() - began > PATIENCE  # short inner loops would only flicker
            bar.update(task, advance=1, visible=outermost or slow)
    finally:
        loops.remove(loop)
        bar.remove_task(task)
        if outermost:
            stop()


def tell(said: str) -> None:
    """Shows words beside this thread's innermost loop, in place of the last; with none, nowhere."""
    if _running.loops:
        bar, task = _running.loops[-1]
        bar.update(task, said=said)


def stop() -> None:
    """Ends the display, where there is one: after Ctrl-C no loop may get to do it."""
    while _shown:
        _shown.pop().stop()
