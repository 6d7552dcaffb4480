"""Libraries of the extra ``agents``, imported when a model is first asked."""

from importlib import import_module
from typing import Any

from diffkit import UserError


def need(module: str) -> Any:
    """The module.

    Raises:
        UserError: it is not installed.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        what = f"Asking a language model needs the module {module!r}, which is not installed."
        raise UserError(what, cure="Install it with: pip install 'diffkit[agents]'") from error
