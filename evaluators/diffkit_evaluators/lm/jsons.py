"""Text within values from JSON."""

from collections.abc import Callable, Mapping
from typing import Any


def each_text(value: Any, change: Callable[[str], str]) -> Any:
    """``value`` with ``change`` made in all text that it holds, names of fields too."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, Mapping):
        return {change(name): each_text(one, change) for name, one in value.items()}
    return [each_text(one, change) for one in value] if isinstance(value, list) else value


def writable(text: str) -> str:
    """``text`` that UTF-8 can write: half of a surrogate pair, which JSON may hold, becomes �."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
