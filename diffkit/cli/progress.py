"""A progress line with rate and time left."""

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
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

T = TypeVar("T")

PATIENCE = 2.0
"""Seconds that a loop may take before a line is shown."""

_live: list[Progress] = []
"""The bars that are shown now: loops inside loops share one display."""


class RateColumn(ProgressColumn):
    """Steps per second, or seconds per step where that reads better."""

    def render(self, task: Task) -> Text:
        """The rate of ``task``."""
        if not task.speed:
            return Text("")
        if task.speed < 1:
            return Text(f"{1 / task.speed:.1f} s each")
        return Text(f"{task.speed:.1f}/s")


def track(
    items: Iterable[T], label: str, total: int | None, done: int, console: Console
) -> Iterator[T]:
    """Yields ``items`` and shows how far they are."""
    size = total if total is not None else len(items) if isinstance(items, Sized) else None
    outermost = not _live
    if outermost:
        _live.append(_bar(console))
    bar = _live[0]
    task = bar.add_task(label, total=size, completed=done, visible=False)
    began = time.monotonic()
    try:
        for item in items:
            yield item
            slow = time.monotonic() - began > PATIENCE
            if slow and outermost:
                bar.start()
            bar.update(task, advance=1, visible=slow)
    finally:
        bar.remove_task(task)
        if outermost:
            bar.stop()
            _live.clear()


def _bar(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        RateColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
    )
