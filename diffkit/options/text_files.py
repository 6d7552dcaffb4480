"""Text and JSON from outside: as UTF-8, with or without a byte order mark, in lines as JSONL means.

What is read can be written again: an unpaired surrogate, which JSON and file names may contain and
UTF-8 cannot encode, becomes �.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from diffkit.errors import BadFile


def read_text(path: Path) -> str:
    """The text of a UTF-8 file, without a byte order mark.

    Raises:
        BadFile: it is missing, or is not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise unreadable_file_error(path, error) from error


def read_lines(path: Path) -> Iterator[tuple[int, str]]:
    """The lines of a JSONL file that are not blank, each with its number from 1.

    Lines end with a line feed alone. `str.splitlines` cuts at U+0085, U+2028 and U+2029 too, which
    stand in JSON strings as they are.

    Raises:
        BadFile: the file is missing, or is not UTF-8.
    """
    lines = enumerate(read_text(path).split("\n"), 1)
    return ((number, line) for number, line in lines if line.strip())


def unreadable_file_error(path: Path, error: OSError | UnicodeDecodeError) -> BadFile:
    """The error of a file that cannot be read or is not text."""
    if isinstance(error, UnicodeDecodeError):
        return BadFile(path, f"is not UTF-8 ({error.reason}).", hint="Save it as UTF-8.")
    return BadFile(path, f"cannot be read ({error.strerror}).", hint="Check the path.")


def parse_json(text: str) -> Any:
    """The JSON value in ``text``, with strings that UTF-8 can encode.

    Raises:
        json.JSONDecodeError: it is no JSON.
    """
    return writable(json.loads(text))


def map_strings(value: Any, change: Callable[[str], str]) -> Any:
    """``value`` with ``change`` applied to every string in it, names of fields included."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, Mapping):
        return {
            change(name) if isinstance(name, str) else name: map_strings(one, change)
            for name, one in value.items()
        }
    if type(value) is list or type(value) is tuple:
        return type(value)(map_strings(one, change) for one in value)
    return value


def replace_surrogates(text: str) -> str:
    """``text`` that UTF-8 can encode: an unpaired surrogate becomes �, a pair its character."""
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def writable(value: Any) -> Any:
    """A value of strings, lists, tuples and mappings, with strings that UTF-8 can encode."""
    return map_strings(value, replace_surrogates)
