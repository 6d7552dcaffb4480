"""Options that name a file, which is identified by its content."""

import hashlib
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import core_schema

from diffkit.errors import BadOption, UserError

_STORED = re.compile(r"sha256:[0-9a-f]{64}")


@dataclass(frozen=True)
class InputFile:
    """A file that an option names, identified by its content and never by its path.

    As the type of an option (``prompt: InputFile | None = None``) it accepts a path, and the file
    must exist when the options are validated. In JSON, and so in a run's key, it is ``sha256:`` and
    the digest; read again from JSON it is the same file without its path.
    """

    digest: str
    """SHA-256 of the content, in hexadecimal."""
    place: Path | None = field(default=None, compare=False)
    """Its path when it was read; none if the options come from a stored run."""

    @classmethod
    def of(cls, path: Path | str) -> "InputFile":
        """The file at ``path``, relative to the working directory.

        Raises:
            UserError: there is none, or it cannot be read.
        """
        place = Path(path).expanduser()
        try:
            with place.open("rb") as content:
                digest = hashlib.file_digest(content, "sha256").hexdigest()
        except OSError as error:
            what = f"The file {str(place)!r} cannot be read ({error.strerror})."
            raise UserError(what, hint=f"Look where it is: ls {place.absolute().parent}") from error
        return cls(digest, place.absolute())

    @property
    def path(self) -> Path:
        """Its path.

        Raises:
            UserError: the path is unknown, or the file has changed.
        """
        if self.place is None:
            what = f"Of the file {self} only the digest was kept, not where it lies."
            hint = "Give the path again; a method keeps what it needs later as an artifact."
            raise UserError(what, hint=hint)
        if InputFile.of(self.place) != self:
            what = f"The file {str(self.place)!r} has changed since the options were read."
            raise UserError(what, hint="Run it again: another content is another run.")
        return self.place

    def __str__(self) -> str:
        """As stored: ``sha256:…``."""
        return f"sha256:{self.digest}"

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        """How pydantic reads and writes it."""
        del source, handler
        return core_schema.with_info_plain_validator_function(
            _validated, serialization=core_schema.to_string_ser_schema(when_used="json")
        )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """A string that is the path of a file."""
        del schema, handler
        return {"type": "string", "format": "file-path"}


def relative_to_folder(folder: Path, value: Any) -> Any:
    """The value of an input file in a YAML in ``folder``, with relative paths resolved there."""
    if not isinstance(value, str) or _STORED.fullmatch(value):
        return value
    return str(folder / Path(value).expanduser())


def _validated(value: Any, info: Any) -> InputFile:  # pydantic's type is for checkers alone
    if isinstance(value, InputFile):
        return value
    if not isinstance(value, str | Path):
        msg = "Input should be the path of a file"
        raise ValueError(msg)
    if _STORED.fullmatch(str(value)):
        return InputFile(str(value).removeprefix("sha256:"))
    try:
        return InputFile.of(value)
    except UserError as error:
        name = info.field_name or "file"
        raise BadOption(f"Option {name!r}: {error.what}", (name,), hint=error.hint) from error
