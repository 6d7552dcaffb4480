"""Keeps a key out of all that is written, stored or told."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

WITHHELD = "[key]"
_LEAST = 8  # characters; shorter ones are placeholders such as EMPTY, and may be words of a text
_LONGEST = 300
_KEYLIKE = re.compile(r"(?i)(?<![a-z])(?:sk|rk|pk)-[\w*.…-]{4,}|(?<=bearer )\S+")


@dataclass(frozen=True)
class Secret:
    """A key."""

    key: str = field(repr=False)

    def hide(self, value: Any) -> Any:
        """``value`` from JSON without the key, in all that it holds.

        Its text is made such that UTF-8 can write it: half of a surrogate pair becomes �.
        """
        if isinstance(value, str):
            text = value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
            return text.replace(self.key, WITHHELD) if len(self.key) >= _LEAST else text
        if isinstance(value, Mapping):
            return {self.hide(name): self.hide(one) for name, one in value.items()}
        return [self.hide(one) for one in value] if isinstance(value, list) else value

    def line(self, text: str) -> str:
        """What went wrong, in one line.

        It holds neither this key nor anything that looks like one: some endpoints say a part of it.
        """
        one_line = "".join(c if c.isprintable() else " " for c in self.hide(text))
        told = _KEYLIKE.sub(WITHHELD, " ".join(one_line.split()))
        return told if len(told) <= _LONGEST else f"{told[:_LONGEST]}…"
