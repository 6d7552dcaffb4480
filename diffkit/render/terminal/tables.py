"""Tables for the terminal in which a number is never broken over two lines."""

import re
from collections.abc import Iterator, Sequence

from rich.console import Console, ConsoleOptions, RenderableType
from rich.measure import Measurement
from rich.segment import Segment
from rich.table import Column, Table
from rich.text import Text

_NUMBER = re.compile(r"[^\s\[\]()]*\d[^\s\[\]()]*")
_LONGEST = 24
"""Characters up to which a word with a digit counts as a number."""
_WORD = 10
"""Characters that a column of words needs at least."""


class NumberTable(Table):
    """A table whose numbers stay whole.

    Where columns have to be narrowed, those of words are. Where even that does not help, the
    columns are put into several tables below each other, each with the first column.
    """

    def __rich_console__(
        self, console: Console, options: ConsoleOptions
    ) -> Iterator[RenderableType | Segment]:
        """The table, or several below each other."""
        numbers = [_widest_number(column) for column in self.columns]
        if self._keeps_numbers(numbers, console, options):
            yield from super().__rich_console__(console, options)
            return
        widths = [
            self._width_range(column, number, console, options)
            for column, number in zip(self.columns, numbers, strict=True)
        ]
        parts = _parts([one.minimum for one in widths], self._room(options, 0))
        for number, part in enumerate(parts):
            fitted = _fit([widths[index] for index in part], self._room(options, len(part)))
            yield from self._part(part, fitted, first=not number)

    def _keeps_numbers(
        self, numbers: Sequence[int], console: Console, options: ConsoleOptions
    ) -> bool:
        """Whether rich's own widths break no number."""
        room = options.update_width(options.max_width - self._extra_width)
        widths = self._calculate_column_widths(console, room)
        gaps = self._gap
        return all(width >= number + gaps for width, number in zip(widths, numbers, strict=True))

    @property
    def _gap(self) -> int:
        """Characters beside a cell."""
        return self.padding[1] + self.padding[3]

    def _room(self, options: ConsoleOptions, columns: int) -> int:
        """Characters for the columns and their gaps, without the lines between them."""
        lines = columns - 1 + 2 * self.show_edge if self.box else 0
        return options.max_width - max(lines, 0)

    def _width_range(
        self, column: Column, number: int, console: Console, options: ConsoleOptions
    ) -> Measurement:
        """The least and the most characters that a column can use, its gap included."""
        cells = [column.header, *column.cells]
        most = max((Measurement.get(console, options, cell).maximum for cell in cells), default=1)
        least = most if column.no_wrap else min(most, max(number, _WORD))
        return Measurement(least + self._gap, most + self._gap)

    def _part(
        self, indexes: Sequence[int], widths: Sequence[int], *, first: bool
    ) -> Iterator[Table]:
        part = Table(
            title=self.title if first else None,
            title_justify=self.title_justify,
            title_style=self.title_style,
            box=self.box,
            show_edge=self.show_edge,
            pad_edge=self.pad_edge,
            padding=self.padding,
        )
        chosen = [self.columns[index] for index in indexes]
        for column, width in zip(chosen, widths, strict=True):
            part.add_column(
                column.header,
                justify=column.justify,
                overflow=column.overflow,
                vertical=column.vertical,
                width=width - self._gap,
            )
        cells = [list(column.cells) for column in chosen]
        for row, values in zip(self.rows, zip(*cells, strict=True), strict=True):
            part.add_row(*values, style=row.style, end_section=row.end_section)
        yield part


def _parts(least: Sequence[int], room: int) -> list[list[int]]:
    """Which columns stand in one table: as many as fit, the first in each."""
    parts: list[list[int]] = [[0]]
    for index in range(1, len(least)):
        taken = sum(least[one] + 1 for one in parts[-1])
        if len(parts[-1]) > 1 and taken + least[index] + 1 > room:
            parts.append([0])
        parts[-1].append(index)
    return parts


def _fit(widths: Sequence[Measurement], room: int) -> list[int]:
    """The width of each column: what is left over goes to those that can use it."""
    fitted = [one.minimum for one in widths]
    while (left := room - sum(fitted)) > 0:
        open_columns = [i for i, one in enumerate(widths) if fitted[i] < one.maximum]
        if not open_columns:
            break
        for index in open_columns[: max(1, left)]:
            fitted[index] += max(
                1, min(left // len(open_columns), widths[index].maximum - fitted[index])
            )
    return fitted


def _widest_number(column: Column) -> int:
    numbers = (found for cell in column.cells for found in _NUMBER.findall(_text(cell)))
    return max((len(one) for one in numbers if len(one) <= _LONGEST), default=0)


def _text(cell: object) -> str:
    return cell.plain if isinstance(cell, Text) else str(cell)
