"""Docstrings as Markdown."""

import re
from collections.abc import Iterator
from inspect import cleandoc

_SECTION = re.compile(r"^(Args|Raises|Returns|Yields|Attributes):$")
_ENTRY = re.compile(r"^([\w*,. ]+): (.*)$")
_TITLES = {"Args": "Arguments", "Raises": "Raises", "Returns": "Returns", "Yields": "Yields"}


def markdown(docstring: str) -> str:
    """A docstring in Google's style as Markdown: sections become lists."""
    lines = cleandoc(docstring.replace("``", "`")).splitlines()
    return "\n".join(_lines(lines)).strip()


def _lines(lines: list[str]) -> Iterator[str]:
    section = ""
    for line in lines:
        if found := _SECTION.match(line):
            section = found[1]
            yield f"{_TITLES.get(section, section)}:\n"
        elif section and line.startswith("    ") and not line.startswith("     "):
            yield _entry(line.strip(), section)
        elif section and line.strip():
            yield f"  {line.strip()}"
        else:
            yield line


def _entry(line: str, section: str) -> str:
    found = _ENTRY.match(line)
    if found is None or section in {"Returns", "Yields"}:
        return f"- {line}"
    return f"- `{found[1]}`: {found[2]}"
