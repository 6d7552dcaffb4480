"""Keeps a key out of all that is written, stored or told."""

import re
from dataclasses import dataclass, field
from typing import Any

from diffkit_evaluators.lm.jsons import each_text, writable

WITHHELD = "[key]"
_LEAST = 8  # characters; shorter ones are placeholders such as EMPTY, and may be words of a text
_LONGEST = 300
_KEYLIKE = re.compile(r"(?i)(?<![a-z])(?:sk|rk|pk)-[\w*.…-]{4,}|(?<=bearer )\S+")

_PATH = re.compile(r"(?<![\w/])(?:/[\w.+@~-]+){2,}/?")


@dataclass(frozen=True)
class Secret:
    """A key."""

    key: str = field(repr=False)

    def hide(self, value: Any) -> Any:
        """``value`` from JSON, writable and without the key."""
        return each_text(value, self._hidden)

    def _hidden(self, text: str) -> str:
        text = writable(text)
        return text.replace(self.key, WITHHELD) if len(self.key) >= _LEAST else text

    def line(self, text: str) -> str:
        """What went wrong, in one line.

        It holds neither this key nor anything that looks like one, since some endpoints say a part
        of it, and no path.
        """
        one_line = "".join(c if c.isprintable() else " " for c in self.hide(text))
        told = _PATH.sub("[path]", _KEYLIKE.sub(WITHHELD, " ".join(one_line.split())))
        return told if len(told) <= _LONGEST else f"{told[:_LONGEST]}…"
