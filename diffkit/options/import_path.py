"""Options that name a function or class by an import path, ``module:attribute``."""

import hashlib
import importlib
import importlib.util
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import core_schema

from diffkit.errors import UserError, one_line

_loaded: dict[str, str | None] = {}
"""Digest of each module's file when it was loaded: Python keeps that code."""

_STORED = re.compile(r"(?P<path>.+)@sha256:(?P<digest>[0-9a-f]{64})")


class ImportPath(str):
    """A known name, or ``module:attribute``, which is identified by its module's source as well.

    As the type of an option (``divergence: ImportPath = ImportPath("kl")``) it accepts text. In
    JSON, and so in a run's key, an import path is followed by ``@sha256:`` and the digest of the
    module's file, so that edited code is another run. The imports of that file are not included.
    """

    digest: str | None
    """SHA-256 of the module's file, in hexadecimal; none for a name, or if there is no file."""

    def __new__(cls, path: str, digest: str | None = None) -> "ImportPath":
        """The path, with the digest of its module's file as it is now unless one is given."""
        made = super().__new__(cls, path)
        made.digest = digest or source_digest(path)
        return made

    @property
    def stored(self) -> str:
        """The value in JSON."""
        return f"{self}@sha256:{self.digest}" if self.digest else str(self)

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        """How pydantic reads and writes it."""
        del source, handler
        written = core_schema.plain_serializer_function_ser_schema(
            lambda path: path.stored, when_used="json"
        )
        return core_schema.no_info_plain_validator_function(_validated, serialization=written)

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """A string."""
        del schema, handler
        return {"type": "string"}


def load_import_path(path: str, *, noun: str, form: str, known: Iterable[str]) -> Any:
    """The object at ``module:attribute``; the module is imported.

    Args:
        path: the import path, which Python must be able to import.
        noun: the kind of object, for messages, such as ``divergence``.
        form: the form of its paths, such as ``module:function``.
        known: the names that may be given instead.

    Raises:
        UserError: it is no import path, there is no such object, or the module's file has changed
            since the options were read.
    """
    module, colon, attribute = path.partition(":")
    if not (module and colon and attribute):
        hint = f"Take one of {', '.join(known)}, or your own as {form}."
        raise UserError(f"There is no {noun} {path!r}.", hint=hint)
    _check_source(path, noun, module)
    try:
        loaded = importlib.import_module(module)
    except (Exception, SystemExit) as error:  # a user's module may raise anything
        what = f"The {noun} {str(path)!r} cannot be imported ({one_line(error)})."
        top = module.partition(".")[0]
        hint = f"If {top} lies in this folder, put PYTHONPATH=. before the command."
        raise UserError(what, hint=hint) from error
    if not hasattr(loaded, attribute):
        hint = f"See what there is: python -c 'import {module}; help({module})'"
        raise UserError(f"The {noun} {str(path)!r} is not in its module.", hint=hint)
    return getattr(loaded, attribute)


def _check_source(path: str, noun: str, module: str) -> None:
    """Checks that the loaded code is the code that identifies the options."""
    now, what = source_digest(path), f"The file of the {noun} {str(path)!r}"
    if isinstance(path, ImportPath) and path.digest not in (None, now):
        what += " is not the one that the options were read with."
        raise UserError(what, hint="Run it again: other code is another run.")
    if module not in sys.modules:
        _loaded[module] = now
    elif _loaded.get(module, now) != now:
        what += " was edited after it had been loaded."
        raise UserError(what, hint="Start Python anew, and run it again.")


def source_digest(path: str) -> str | None:
    """SHA-256 of the file of ``module:attribute``; none if there is no such file."""
    module, colon, _ = path.partition(":")
    if not (module and colon):
        return None
    try:
        found = importlib.util.find_spec(module)
        return hashlib.sha256(Path(found.origin or "").read_bytes()).hexdigest() if found else None
    except (Exception, SystemExit):  # the error is reported when it is loaded
        return None


def _validated(value: Any) -> ImportPath:
    if isinstance(value, ImportPath):
        return value
    if not isinstance(value, str):
        msg = "Input should be a name, or an import path such as module:attribute"
        raise ValueError(msg)
    stored = _STORED.fullmatch(value)
    return ImportPath(stored["path"], stored["digest"]) if stored else ImportPath(value)
