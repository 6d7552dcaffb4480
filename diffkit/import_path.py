"""What a user names by an import path in an option."""

import importlib
from collections.abc import Iterable
from typing import Any

from diffkit.errors import UserError, reason_of


def load_import_path(path: str, *, noun: str, form: str, known: Iterable[str]) -> Any:
    """What ``module:attribute`` leads to; the module's code runs.

    Args:
        path: the import path, which Python must be able to import.
        noun: what it is to be, for messages, such as ``divergence``.
        form: what paths to it look like, such as ``module:function``.
        known: the names that may stand in its place.

    Raises:
        UserError: it is no import path, or leads to nothing.
    """
    module, colon, attribute = path.partition(":")
    if not (module and colon and attribute):
        cure = f"Take one of {', '.join(known)}, or your own as {form}."
        raise UserError(f"There is no {noun} {path!r}.", cure=cure)
    try:
        return getattr(importlib.import_module(module), attribute)
    except (Exception, SystemExit) as error:  # whatever a module of the user's raises
        cure = f"See that `python -c 'import {module}'` works here; PYTHONPATH may lack its folder."
        what = f"The {noun} {path!r} cannot be imported ({reason_of(error)})."
        raise UserError(what, cure=cure) from error
