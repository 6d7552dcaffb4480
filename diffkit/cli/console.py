"""Where the command line writes: results to stdout, everything else to stderr.

Everything that is printed passes through `safe`: text from files, plugins and models is data, and
control characters in it are shown as signs. `SafeConsole` holds what a caller forgot to clean, and
`diffkit.cli.streams` what is written past the consoles.
"""

import json
import logging
import os
import sys
from collections.abc import Iterable, Iterator, Sequence, Sized
from typing import Any, TypeVar

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from diffkit.plain_text.formatting import clean
from diffkit.render.terminal.tables import NumberTable

T = TypeVar("T")

PIPED_WIDTH = 100
"""Columns where the output is no terminal and COLUMNS is not set."""


def _width() -> int | None:
    return None if sys.stdout.isatty() or "COLUMNS" in os.environ else PIPED_WIDTH


def safe(text: str) -> str:
    """``text`` with its line breaks, and a sign in place of every other control character."""
    return "\n".join(map(clean, text.replace("\r\n", "\n").split("\n")))


class SafeConsole(Console):
    """A console that prints no control character but its own."""

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterator[Segment]:
        """The segments of ``renderable``, their text made safe."""
        for text, style, control in super().render(renderable, options):
            yield Segment(text if control else safe(text), style, control)


out = SafeConsole(highlight=False, soft_wrap=False, width=_width())
err = SafeConsole(stderr=True, highlight=False)


def warn(message: str) -> None:
    """A warning on stderr."""
    err.print(Text(safe(f"warning: {message}"), style="yellow"), soft_wrap=True)


def info(message: str) -> None:
    """A message on stderr, such as what to do next."""
    err.print(Text(safe(message)), soft_wrap=True)


def print_lines(*lines: str) -> None:
    """Lines on stdout."""
    for line in lines:
        out.print(Text(safe(line)))


def enable_logging() -> None:
    """Shows what methods and sweeps log from now on."""
    log = logging.getLogger("diffkit")
    if not any(isinstance(handler, _ConsoleHandler) for handler in log.handlers):
        log.addHandler(_ConsoleHandler())
        log.setLevel(logging.INFO)


class _ConsoleHandler(logging.Handler):
    """Prints messages above a progress line, where there is one."""

    def emit(self, record: logging.LogRecord) -> None:
        """Prints one message."""
        (warn if record.levelno >= logging.WARNING else info)(record.getMessage())


def print_json(value: Any) -> None:
    """JSON on stdout; what could control a terminal is escaped, which is the same JSON."""
    encoding = (getattr(out.file, "encoding", None) or "utf-8").lower()
    text = json.dumps(value, indent=1, ensure_ascii=not encoding.startswith("utf"))
    out.file.write(_escaped(text) + "\n")


def _escaped(text: str) -> str:
    """JSON in which every character that is not printable is escaped."""
    text = text.replace("\x7f", "\\u007f")  # the one of ASCII that JSON leaves as it is
    if text.isascii():
        return text
    return "".join(c if c.isprintable() or c == "\n" else json.dumps(c)[1:-1] for c in text)


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """A table on stdout; cells are text, never markup."""
    heading = Text(clean(title), style="bold")
    table = NumberTable(title=heading, title_justify="left", title_style="", expand=False)
    for number, column in enumerate(columns):  # the first is a name, to be copied whole
        table.add_column(column, overflow="fold", no_wrap=number == 0)
    for row in rows:
        table.add_row(*(Text("" if cell is None else clean(str(cell))) for cell in row))
    out.print(table)


def progress(
    items: Iterable[T], *, label: str, total: int | None = None, done: int = 0
) -> Iterator[T]:
    """Shows how far a loop is: redrawn on a terminal, elsewhere in a line now and then."""
    from diffkit.cli.progress import track, track_in_lines, with_estimate

    size = total if total is not None or not isinstance(items, Sized) else len(items)
    items = with_estimate(items, label, size, done, info)
    if err.is_terminal:
        yield from track(items, label, size, done, err)
    else:
        yield from track_in_lines(items, label, size, done, info)


def status(words: str) -> None:
    """Shows a status next to the running loop."""
    from diffkit.cli import progress as display

    display.status(words)
