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

from diffkit.plain_text import formatting

T = TypeVar("T")

DISPLAY_DELAY = 2.0
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


class StatusColumn(ProgressColumn):
    """How things stand, in the method's words: cut where the line ends."""

    def render(self, task: Task) -> Text:
        """The last words said of ``task``."""
        said = formatting.clean(task.fields["said"])
        return Text(said, style="dim", no_wrap=True, overflow="ellipsis")


class _RunningLoops(threading.local):
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
            StatusColumn(),
            console=console,
            transient=True,
        )
        self._lock = threading.Lock()
        self._stopped = False
        self._timer = threading.Timer(DISPLAY_DELAY, self._start)
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


_displays: list[_Display] = []
"""The display, while there is one."""
_running_loops = _RunningLoops()


def track(
    items: Iterable[T], label: str, total: int | None, done: int, console: Console
) -> Iterator[T]:
    """Yields ``items`` and shows how far they are."""
    size = total if total is not None else len(items) if isinstance(items, Sized) else None
    outermost = not _displays
    if outermost:
        _displays.append(_Display(console))
    bar = _displays[0].bar
    began = time.monotonic()
    task = bar.add_task(label, total=size, completed=done, visible=outermost, said="")
    loops, loop = _running_loops.loops, (bar, task)
    loops.append(loop)
    try:
        for item in items:
            yield item
            slow = time.monotonic() - began > DISPLAY_DELAY  # short inner loops would only flicker
            bar.update(task, advance=1, visible=outermost or slow)
    finally:
        loops.remove(loop)
        bar.remove_task(task)
        if outermost:
            stop()


def status(said: str) -> None:
    """Shows words beside this thread's innermost loop, in place of the last; with none, nowhere."""
    if _running_loops.loops:
        bar, task = _running_loops.loops[-1]
        bar.update(task, said=said)


def stop() -> None:
    """Ends the display, where there is one: after Ctrl-C no loop may get to do it."""
    while _displays:
        _displays.pop().stop()
