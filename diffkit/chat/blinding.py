"""Blinding: handles in place of the sides' names, and no identifier in any text."""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from diffkit.errors import UserError
from diffkit.verdict import Side

HANDLES = ("model-1", "model-2")
"""Handles of the sides, in the order in which they are shown."""

WITHHELD = "[withheld]"

_SIDES: tuple[Side, Side] = ("base", "finetuned")

_PATH = re.compile(r"(?:[A-Za-z]:)?(?:[/\\][\w.+@~-]*[\w+@~-]){2,}[/\\]?")

_HANDLE = re.compile(r"(?:\bthe )?\bmodels?[\s_#‐‑–-]*([12])\b(?: model\b)?", re.IGNORECASE)

_IDENTIFIER = re.compile(r"[\d/\\_.-]")


def _ignore(channel: str) -> None:
    del channel


class Blinding:
    """Maps handles to sides, and withholds identifiers from every text that is shown.

    Which side was finetuned is not hidden: most findings are differences, and show it. Hidden is
    which models the sides are.

    Args:
        first: the side that is called ``model-1``.
        identifiers: names, ids and paths that are withheld; only those that look like one (with a
            digit, a dash, a dot, an underscore or a slash), since a plain word may be evidence.
        leaked: called with the channel whenever something was withheld.
    """

    def __init__(
        self,
        first: Side = "base",
        identifiers: Iterable[str] = (),
        leaked: Callable[[str], None] = _ignore,
    ) -> None:
        self.order: tuple[Side, Side] = _SIDES if first == "base" else ("finetuned", "base")
        self.handle: Mapping[Side, str] = dict(zip(self.order, HANDLES, strict=True))
        """Side → its handle."""
        self._leaked = leaked
        known = sorted(
            {one for one in identifiers if _looks_like_identifier(one)}, key=len, reverse=True
        )
        self._known = (
            re.compile("|".join(_whole_word_pattern(one) for one in known), re.I) if known else None
        )

    def side(self, handle: str) -> Side:
        """The side with this handle.

        Raises:
            UserError: there is none.
        """
        for side, name in self.handle.items():
            if name == handle.strip().casefold():
                return side
        raise UserError(f"There is no model {handle!r}.", hint=f"Take {' or '.join(HANDLES)}.")

    def hide(self, text: str, channel: str = "evidence") -> str:
        """``text`` without identifiers."""
        if self._known is None:
            return text
        hidden, count = self._known.subn(WITHHELD, text)
        if count:
            self._leaked(channel)
        return hidden

    def error(self, text: str, channel: str = "error") -> str:
        """An error message without identifiers and paths."""
        hidden, count = _PATH.subn("[path]", text)  # first, as a name may stand within a path
        if count:
            self._leaked(channel)
        return self.hide(hidden, channel)

    def schema(self, value: Any) -> Any:
        """A JSON Schema without identifiers in its texts."""
        if isinstance(value, str):
            return self.hide(value, "schema")
        if isinstance(value, Mapping):
            return {key: self.schema(one) for key, one in value.items()}
        return [self.schema(one) for one in value] if isinstance(value, list) else value

    def reveal(self, text: str) -> str:
        """``text`` with the sides' names in place of handles."""
        return _HANDLE.sub(lambda match: f"the {self.order[int(match[1]) - 1]} model", text)


def _looks_like_identifier(identifier: str) -> bool:
    return len(identifier) > 3 and bool(_IDENTIFIER.search(identifier))


def _whole_word_pattern(identifier: str) -> str:
    return rf"(?<!\w){re.escape(identifier)}(?!\w)"
