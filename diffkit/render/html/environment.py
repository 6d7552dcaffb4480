"""The template environment: everything that a template prints is made safe and escaped."""

import base64
from functools import cache
from itertools import zip_longest

from jinja2 import Environment, PackageLoader, StrictUndefined, Undefined
from markupsafe import Markup, escape

from diffkit.findings import Figure, Table
from diffkit.plain_text import formatting, token_heatmap
from diffkit.render import attempt_fields, labels
from diffkit.render.html import line_plot
from diffkit.runs.manifest import StoredRun

_PNG = b"\x89PNG\r\n\x1a\n"


@cache
def environment() -> Environment:
    """The templates of pages."""
    made = Environment(
        loader=PackageLoader("diffkit.render"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_sanitize,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "lines": _lines,
        "levels": token_heatmap.levels,
        "strongest": token_heatmap.strongest,
    }
    made.globals |= {
        "formatting": formatting,
        "labels": labels,
        "attempt_fields": attempt_fields,
        "plot": line_plot.line_plot,
        "picture": _picture,
        "columns": _columns,
    }
    return made


def _sanitize(value: object) -> object:
    if value is None or isinstance(value, Markup | Undefined | int | float):
        return value  # Markup is finished output
    return formatting.clean(str(value))


def _lines(text: str) -> Markup:
    """Text whose line breaks are kept, each with its sign."""
    pieces = (escape(formatting.clean(piece)) for piece in text.replace("\r\n", "\n").split("\n"))
    return Markup('<span class="nl">⏎</span>\n').join(pieces)


def _columns(table: Table) -> list[tuple[str, ...]]:
    """The cells of a table as text, column by column."""
    return [formatting.column(values) for values in zip_longest(*table.rows)]


def _picture(figure: Figure, run: StoredRun) -> Markup | None:
    """The PNG as a data URI; none where the artifact is no PNG within the run's folder."""
    folder = run.artifacts.resolve()
    try:
        file = (folder / figure.artifact).resolve()
        content = file.read_bytes() if file.is_relative_to(folder) else b""
    except (OSError, ValueError):  # a name may be missing, too long, or no name at all
        return None
    if not content.startswith(_PNG):
        return None
    return Markup("data:image/png;base64,{}").format(base64.b64encode(content).decode())
