"""Keys are removed from text, and untrusted text is delimited in prompts."""

import re
import unicodedata
from dataclasses import dataclass, field
from typing import Any

from diffkit_evaluators.llm.json_text import map_strings, replace_surrogates

REDACTED = "[key]"

_MIN_KEY_LENGTH = 8  # shorter ones are placeholders such as EMPTY, and may occur in texts

_MAX_LINE = 300

_KEY_PATTERN = re.compile(r"(?i)(?<![a-z])(?:sk|rk|pk)-[\w*.…-]{4,}|(?<=bearer )\S+")

_PATH_PATTERN = re.compile(r"(?<![\w/])(?:/[\w.+@~-]+){2,}/?")


@dataclass(frozen=True)
class ApiKey:
    """A key, which is removed from everything that is written or shown."""

    key: str = field(repr=False)

    def redact(self, value: Any) -> Any:
        """A JSON value without the key, in strings that UTF-8 can encode."""
        return map_strings(value, self._redacted)

    def _redacted(self, text: str) -> str:
        text = replace_surrogates(text)
        return text.replace(self.key, REDACTED) if len(self.key) >= _MIN_KEY_LENGTH else text

    def one_line(self, text: str) -> str:
        """An error message as one line without paths, and without anything that looks like a key.

        Some endpoints repeat a part of the key in their messages.
        """
        printable = "".join(c if c.isprintable() else " " for c in self.redact(text))
        line = _KEY_PATTERN.sub(REDACTED, " ".join(printable.split()))
        line = _PATH_PATTERN.sub("[path]", line)
        return line if len(line) <= _MAX_LINE else f"{line[:_MAX_LINE]}…"


_JOINERS = "\u200c\u200d"  # Persian words and emoji sequences need them

_LINE_BREAKS = re.compile(r"\r\n|[\r\v\f\x85\u2028\u2029]")


def delimit_untrusted(text: str, nonce: str, limit: int) -> str:
    """``text`` between two lines that contain ``nonce``.

    Invisible characters are shown as � and copies of the nonce are removed. Text beyond the limit
    is cut off, with a note that says how much.

    Args:
        text: output of a model, a method or another investigator.
        nonce: another one for each prompt, so that the text cannot contain it.
        limit: maximum length of the text in characters.

    Raises:
        ValueError: the nonce is empty.
    """
    if not nonce:
        msg = "delimiters need a nonce"
        raise ValueError(msg)
    shown = "".join(map(_visible_character, _LINE_BREAKS.sub("\n", text)))
    shown = re.sub(re.escape(nonce), "…", shown, flags=re.I)
    if hidden := len(shown[limit:]):
        shown = f"{shown[:limit]}… ({hidden:,} more characters)"
    return f"BEGIN {nonce}\n{shown}\nEND {nonce}"


def _visible_character(char: str) -> str:
    hidden = unicodedata.category(char) in {"Cc", "Cf", "Cs", "Co", "Cn"}
    return "\N{REPLACEMENT CHARACTER}" if hidden and char not in f"\n\t{_JOINERS}" else char
