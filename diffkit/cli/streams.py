"""Output streams that outlive their reader, and hold what a terminal or an encoding cannot take.

Takes stdout and stderr. Gives streams with which a command ends as it would have ended: neither a
reader that has gone (``diffkit leaderboard | head``) nor an ASCII locale changes its exit status.
"""

import codecs
import contextlib
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any

_SIGNS = "–- —- ·- ×x ●* ▸> ✗x ␣_ ◌o ═= ─- ━- │| “\" ”\" ‘' ’' ⟨< ⟩> ▁1 ▂2 ▃3 ▄4 ▅5 ▆6 ▇7 █8"
_ASCII = {pair[0]: pair[1] for pair in _SIGNS.split()} | {
    "…": "...",
    "≤": "<=",
    "≥": ">=",
    "±": "+-",
    "→": "->",
    "←": "<-",
    "⏎": "\\n",
    "⇥": "\\t",
    "␡": "^?",
}
"""Signs that diffkit prints, and what stands for them where an encoding lacks them."""


_CONTROLS = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]"
)
"""Characters that control a terminal or reorder a line, besides escape. Carriage returns stay: the
progress bars of other libraries are made of them."""


def _without_controls(text: str, *, escapes: bool) -> str:
    """``text`` with signs for control characters; ``escapes`` keeps sequences for a terminal."""
    from diffkit.plain_text.formatting import clean

    text = _CONTROLS.sub(lambda found: clean(found[0]), text)
    return text if escapes else text.replace("\x1b", "␛")


def _fallback(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError)  # noqa: S101 - it is registered for encoding alone
    missing = error.object[error.start : error.end]
    return "".join(map(_in_ascii, missing)), error.end


def _in_ascii(char: str) -> str:
    return _ASCII.get(char) or char.encode("ascii", "backslashreplace").decode()


codecs.register_error("diffkit", _fallback)


class LenientStream:
    """A text stream that never fails for want of a reader or of a character.

    Once the reader has gone, what is written is dropped, so that the command still does its work
    and ends with its own exit status.
    """

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._gone = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Writes ``text``, its characters replaced where the encoding lacks them."""
        encoding = self._stream.encoding or "utf-8"
        text = _without_controls(text, escapes=self._takes_escapes())
        text = text.encode(encoding, "diffkit").decode(encoding)
        self._unless_gone(lambda: self._stream.write(text))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Writes each of ``lines``."""
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        """Flushes what was written."""
        self._unless_gone(self._stream.flush)

    def _takes_escapes(self) -> bool:
        """Whether rich writes colours: on a terminal, or where the environment forces it."""
        return bool(self._stream.isatty() or os.environ.get("FORCE_COLOR"))

    def _unless_gone(self, action: Callable[[], object]) -> None:
        if self._gone:
            return
        try:
            action()
        except BrokenPipeError:
            self._gone = True
            with contextlib.suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), self._stream.fileno())


@contextlib.contextmanager
def lenient_output() -> Iterator[None]:
    """Makes stdout and stderr such streams."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (LenientStream(one) for one in before)
    try:
        yield
        sys.stdout.flush()
    finally:
        sys.stdout, sys.stderr = before
