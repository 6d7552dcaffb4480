"""Numbers and untrusted text as plain text.

Text that comes from a model or a dataset is data. Characters that could control a terminal, reorder
a line or hide are replaced by visible signs.
"""

import json
import math
import unicodedata
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from diffkit.findings import Cell
    from diffkit.runs.manifest import Manifest

NONE = "–"
"""Shown where there is no value."""

_SIGNS = {"\n": "⏎", "\t": "⇥", "\x7f": "␡"}

_JOINERS = "\u200c\u200d"  # Persian words and emoji families fall apart without them


def clean(text: str, *, keep_lines: bool = False) -> str:
    """``text`` with control, bidirectional and invisible characters made visible.

    Args:
        text: anything.
        keep_lines: whether a newline still breaks the line after its sign.
    """
    text = text.replace("\r\n", "\n")
    if not text.isprintable():
        text = "".join(c if _harmless(c) else _sign(c) for c in text)
    return text.replace("⏎", "⏎\n") if keep_lines else text


def _harmless(char: str) -> bool:
    return char.isprintable() or char in _JOINERS or unicodedata.category(char) == "Zs"


def _sign(char: str) -> str:
    if char in _SIGNS:
        return _SIGNS[char]
    return chr(0x2400 + ord(char)) if ord(char) < 0x20 else f"⟨U+{ord(char):04X}⟩"


def token(text: str) -> str:
    """A token on its own: clean, with the spaces at its ends visible."""
    if not text:
        return "(empty)"
    bare = text.strip(" ")
    start = len(text) - len(text.lstrip(" "))
    end = len(text) - start - len(bare)
    return "␣" * start + _visible(bare) + "␣" * end


def _visible(text: str) -> str:
    """Cleaned text that would not be seen, or would cling to its neighbour, without help."""
    seen = any(c.isprintable() for c in text)
    if not seen:
        return "".join(map(_sign, text))
    return ("◌" if unicodedata.category(text[0]).startswith("M") else "") + clean(text)


def shorten(text: str, length: int) -> str:
    """At most ``length`` characters of ``text``, saying how many are missing."""
    if len(text) <= length:
        return text
    return f"{text[:length]}… {len(text) - length:,} more characters"


def number(value: float | int | None) -> str:
    """Three significant digits; whole numbers in full, with thousands separated."""
    if value is None:
        return NONE
    if not math.isfinite(value):
        return str(value)
    if isinstance(value, int) or 1000 <= abs(value) < 1e9:
        return f"{value:,.0f}"
    return f"{value + 0.0:.3g}"  # + 0.0 turns -0.0 into 0


def aligned(values: Iterable[float | int | None], *, least: float = 1e-3) -> tuple[str, ...]:
    """One column of numbers, with the same count of decimals where that loses nothing much.

    Args:
        values: the numbers.
        least: share of the largest below which none may lie; else each has its own decimals.
    """
    values = tuple(values)
    sizes = [abs(v) for v in values if v]
    if not sizes or max(sizes) >= 1000 or min(sizes) < max(sizes) * least or max(sizes) < 1e-3:
        return tuple(number(v) for v in values)
    decimals = min(5, max(0, 2 - math.floor(math.log10(max(sizes)))))
    return tuple(NONE if v is None else f"{v + 0.0:.{decimals}f}" for v in values)


def column(values: "Sequence[Cell]") -> tuple[str, ...]:
    """A column's cells, numbers set alike; text still has to be cleaned.

    Rows may be of different kinds, counts above shares, so small numbers keep their digits.
    """
    numbers = [value for value in values if not isinstance(value, str)]
    set_alike = iter(
        aligned(numbers, least=0.1)
        if any(isinstance(n, float) for n in numbers)
        else map(number, numbers)
    )
    return tuple(value if isinstance(value, str) else next(set_alike) for value in values)


def is_numeric(rows: "Sequence[tuple[Cell, ...]]", column: int) -> bool:
    """Whether a column holds no text, so that it is set flush right."""
    return bool(rows) and not any(
        isinstance(value, str) for r in rows for value in r[column : column + 1]
    )


def option(value: object) -> str:
    """An option's value in full: options are exact."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def percent(value: float | int) -> str:
    """A probability in per cent; only certainty looks like certainty."""
    share = 100 * value
    if 0 < share < 1:
        return "<1 %"
    return ">99 %" if 99 < share < 100 else f"{share:.0f} %"


def mean(count: float) -> str:
    """A mean of counts."""
    return f"{count:,.0f}" if count >= 100 or count == int(count) else f"{count:.1f}"


def duration(seconds: float | int) -> str:
    """Wall-clock time in the units that one would say it in."""
    if seconds < 60:
        return f"{seconds:.2g} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes / 60:.1f} h"


def memory(count: int) -> str:
    """Bytes in the unit that fits."""
    if count < 2**20:
        return f"{count / 2**10:.0f} KiB"
    return f"{count / 2**20:.0f} MiB" if count < 2**30 else f"{count / 2**30:.1f} GiB"


def circumstances(manifest: "Manifest") -> str:
    """How a run came about, in one line."""
    same = manifest.identity
    where = f"seed {same.seed}, {same.dtype} on {manifest.device}"
    return f"{where}, {duration(manifest.seconds)}, {memory(manifest.peak_bytes)} at most"
