"""Keys are removed from text, and untrusted text is delimited in prompts."""

import re
import unicodedata
from dataclasses import dataclass, field
from typing import Any

from diffkit_evaluators.llm.json_text import map_strings, replace_surrogates

REDACTED = "[key]"

_MIN_KEY_LENGTH = (
    8  # characters; shorter ones are placeholders such as EMPTY, and may be words of a text
)

_MAX_LINE = 300

_KEY_PATTERN = re.compile(r"(?i)(?<![a-z])(?:sk|rk|pk)-[\w*.…-]{4,}|(?<=bearer )\S+")

_PATH_PATTERN = re.compile(r"(?<![\w/])(?:/[\w.+@~-]+){2,}/?")


@dataclass(frozen=True)
class ApiKey:
    """A key."""

    key: str = field(repr=False)

    def hide(self, value: Any) -> Any:
        """``value`` from JSON, writable and without the key."""
        return map_strings(value, self._hidden)

    def _hidden(self, text: str) -> str:
        text = replace_surrogates(text)
        return text.replace(self.key, REDACTED) if len(self.key) >= _MIN_KEY_LENGTH else text

    def line(self, text: str) -> str:
        """What went wrong, in one line.

        It holds neither this key nor anything that looks like one, since some endpoints say a part
        of it, and no path.
        """
        one_line = "".join(c if c.isprintable() else " " for c in self.hide(text))
        told = _PATH_PATTERN.sub("[path]", _KEY_PATTERN.sub(REDACTED, " ".join(one_line.split())))
        return told if len(told) <= _MAX_LINE else f"{told[:_MAX_LINE]}…"


_JOINERS = "\u200c\u200d"  # Persian words and emoji families fall apart without them

_LINE_BREAKS = re.compile(r"\r\n|[\r\v\f\x85\u2028\u2029]")


def delimit_untrusted(text: str, nonce: str, limit: int) -> str:
    """``text`` between two lines that hold ``nonce``.

    Hidden characters are shown as �, copies of the nonce are taken out, and what is too long is
    cut off and said to be.

    Args:
        text: what a model, a method or another investigator said.
        nonce: drawn anew for each prompt, so that the text cannot know it.
        limit: characters of the text at most.

    Raises:
        ValueError: the nonce is empty.
    """
    if not nonce:
        msg = "a fence needs a nonce"
        raise ValueError(msg)
    shown = "".join(map(_visible_character, _LINE_BREAKS.sub("\n", text)))
    shown = re.sub(re.escape(nonce), "…", shown, flags=re.I)
    if hidden := len(shown[limit:]):
        shown = f"{shown[:limit]}… ({hidden:,} more characters)"
    return f"BEGIN {nonce}\n{shown}\nEND {nonce}"


def _visible_character(char: str) -> str:
    hidden = unicodedata.category(char) in {"Cc", "Cf", "Cs", "Co", "Cn"}
    return "\N{REPLACEMENT CHARACTER}" if hidden and char not in f"\n\t{_JOINERS}" else char
