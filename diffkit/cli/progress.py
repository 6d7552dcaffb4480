"""Progress of long loops: a line that is redrawn on a terminal, and plain lines elsewhere."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence, Sized
from dataclasses import dataclass
from typing import Protocol, TypeVar

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
"""Seconds that a loop may take before a line is shown on a terminal."""
FIRST_LINE = 10.0
"""Seconds until the first plain line."""
LINE_GROWTH = 1.5
"""Factor between the times from one plain line to the next."""
LONGEST_GAP = 120.0
"""Seconds between two plain lines at most."""


LONG = 120.0
"""Seconds that a loop must still take to say so after its first step."""


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
        self.loops: list[Callable[[str], None]] = []
        """For each loop what shows a status beside it."""


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


class _Stoppable(Protocol):
    def stop(self) -> None:
        """Ends the display."""
        ...


_displays: list[_Stoppable] = []
"""The display, while there is one."""
_running_loops = _RunningLoops()


def track(
    items: Iterable[T], label: str, total: int | None, done: int, console: Console
) -> Iterator[T]:
    """Yields ``items`` and shows on a terminal how far they are."""
    outermost = not _displays
    if outermost:
        _displays.append(_Display(console))
    bar = _current(_Display).bar
    began = time.monotonic()
    size = _size(items, total)
    task = bar.add_task(label, total=size, completed=done, visible=outermost, said="")
    loops, loop = _running_loops.loops, _status_setter(bar, task)
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


def _status_setter(bar: Progress, task: TaskID) -> Callable[[str], None]:
    return lambda said: bar.update(task, said=said)


def track_in_lines(
    items: Iterable[T], label: str, total: int | None, done: int, write: Callable[[str], None]
) -> Iterator[T]:
    """Yields ``items`` and writes now and then a line that says how far they are."""
    outermost = not _displays
    if outermost:
        _displays.append(_Reporter(write))
    reporter = _current(_Reporter)
    loop = _Loop(label, _size(items, total), done, done, time.monotonic())
    loops = _running_loops.loops
    reporter.loops.append(loop)
    loops.append(loop.say)
    try:
        for item in items:
            yield item
            loop.done += 1
    finally:
        loops.remove(loop.say)
        reporter.loops.remove(loop)
        if outermost:
            stop()


def with_estimate(
    items: Iterable[T], label: str, total: int | None, done: int, write: Callable[[str], None]
) -> Iterator[T]:
    """Yields ``items``; says once, after the first step, what the others will take if that is long.

    A label says so once while a display lasts: a loop inside another runs many times.
    """
    size, began = _size(items, total), time.monotonic()
    for place, item in enumerate(items):
        yield item
        if place == 0 and size is not None and label not in _estimated:
            each, left = time.monotonic() - began, size - done - 1
            if each * left > LONG:
                _estimated.add(label)
                took = f"one took {formatting.duration(each)}"
                write(f"{label}: about {formatting.duration(each * left)} for {left} more ({took})")


_estimated: set[str] = set()
"""Labels of the loops that said what they will take."""


def _size(items: Iterable[T], total: int | None) -> int | None:
    return total if total is not None else len(items) if isinstance(items, Sized) else None


D = TypeVar("D")


def _current(kind: type[D]) -> D:
    display = _displays[0]
    assert isinstance(display, kind)  # noqa: S101 - a process has a terminal, or has none
    return display


@dataclass(eq=False)
class _Loop:
    """How far one loop is."""

    label: str
    total: int | None
    done: int
    first: int
    """Steps that were done before this process began."""
    began: float
    said: str = ""

    def say(self, said: str) -> None:
        """Takes a new status."""
        self.said = said

    def text(self) -> str:
        """``texts 120/400, 2 min left, best 0.3 nats``."""
        count = f"{self.done}/{self.total}" if self.total is not None else f"{self.done}"
        return ", ".join(filter(None, [f"{self.label} {count}", self._left(), self.said]))

    def _left(self) -> str:
        made = self.done - self.first
        if not made or self.total is None or self.done >= self.total:
            return ""
        each = (time.monotonic() - self.began) / made
        return f"about {formatting.duration(each * (self.total - self.done))} left"


class _Reporter:
    """Writes a line about the running loops after ten seconds, and then less and less often.

    It has a thread of its own, so that a loop whose first step takes minutes is seen.
    """

    def __init__(self, write: Callable[[str], None]) -> None:
        self.loops: list[_Loop] = []
        self._write = write
        self._began = time.monotonic()
        self._stopped = threading.Event()
        threading.Thread(target=self._report, daemon=True).start()

    def _report(self) -> None:
        gap = FIRST_LINE
        while not self._stopped.wait(gap):
            if loops := self._shown(gap):
                seconds = formatting.duration(time.monotonic() - self._began)
                self._write(f"{'; '.join(loop.text() for loop in loops)} (after {seconds})")
            gap = min(gap * LINE_GROWTH, LONGEST_GAP)

    def _shown(self, gap: float) -> Sequence[_Loop]:
        """The outermost loop, and the innermost one where it is slow enough to be read about."""
        loops = tuple(self.loops)
        slow = [loop for loop in loops[1:] if time.monotonic() - loop.began > gap / 2]
        return (*loops[:1], *slow[-1:])

    def stop(self) -> None:
        """Writes no further line."""
        self._stopped.set()


def status(said: str) -> None:
    """Shows words beside this thread's innermost loop, in place of the last; with none, nowhere."""
    if _running_loops.loops:
        _running_loops.loops[-1](said)


def stop() -> None:
    """Ends the display, where there is one: after Ctrl-C no loop may get to do it."""
    _estimated.clear()
    while _displays:
        _displays.pop().stop()
