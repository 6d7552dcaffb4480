"""The parts that terminal output is made of.

Everything is a `rich.text.Text`, never a string, which rich would parse as markup.
"""

from collections.abc import Sequence

from rich import box
from rich.table import Table as Grid
from rich.text import Text

from diffkit.evaluation.leaderboard.schema import PairResult, Row
from diffkit.plain_text import formatting
from diffkit.render import labels
from diffkit.render.sections import Section
from diffkit.render.terminal.tables import NumberTable


def safe_text(text: str, style: str = "", *, keep_lines: bool = False) -> Text:
    """Foreign text, made harmless."""
    return Text(formatting.clean(text, keep_lines=keep_lines), style=style)


def heading(title: str, aside: str = "") -> Text:
    """A finding's title with a remark beside it."""
    text = safe_text(title, "bold")
    return text.append(f"  {formatting.clean(aside)}", style="not bold dim") if aside else text


def row_title(row: Row | PairResult) -> Text:
    """A method or another arm, and who read and graded it."""
    reader = formatting.clean(labels.reader(row))
    return safe_text(labels.name(row), "bold").append(f"\n{reader}", "not bold dim")


def table_title(suite: str, what: str, section: Section) -> Text:
    """A table's title with who read and who graded."""
    return heading(f"{suite}: {what}{labels.STRATA[section.stratum]}", section.readers)


def rows_left(hidden: int, what: str) -> list[Text]:
    """A line about what was left out, each a ``what``; nothing where nothing was."""
    plural = "" if hidden == 1 else "s"
    return [Text(f"  … {hidden:,} more {what}{plural}", style="dim")] if hidden > 0 else []


def grid(columns: Sequence[str], *, right: Sequence[int] = (), title: str = "") -> Grid:
    """An empty table; ``right`` are the columns of numbers."""
    table = NumberTable(
        box=box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        padding=(0, 1, 0, 0),
        title=safe_text(title, "bold") if title else None,
        title_justify="left",
        title_style="",
    )
    for index, name in enumerate(columns):
        table.add_column(safe_text(name), overflow="fold", vertical="top")
        table.columns[index].justify = "right" if index in right else "left"
    return table


def labelled(rows: Sequence[tuple[str, Text]]) -> Grid:
    """Labels and what they stand for, without lines."""
    table = Grid.grid(padding=(0, 2, 0, 0))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for label, value in rows:
        table.add_row(label, value)
    return table
