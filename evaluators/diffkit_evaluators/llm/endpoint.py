"""Where a language model is served, and with which key."""

import os
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from diffkit import UserError
from diffkit_evaluators.llm.config import ChatModel, normalized_url
from diffkit_evaluators.llm.redaction import ApiKey


def require_extra(module: str) -> Any:
    """Imports a module of the extra ``agents``.

    Raises:
        UserError: it is not installed.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        what = f"Asking a language model needs the module {module!r}, which is not installed."
        raise UserError(what, hint="Install it with: pip install 'diffkit[agents]'") from error


_NO_KEY = "none"  # local servers need no key, but the client requires one


@dataclass(frozen=True)
class _Provider:
    url: str
    url_variable: str
    """Environment variable that may hold another URL."""
    key_variable: str
    """Environment variable that holds the key."""


_PROVIDERS = {
    "openai": _Provider("https://api.openai.com/v1", "OPENAI_BASE_URL", "OPENAI_API_KEY"),
    "openrouter": _Provider(
        "https://openrouter.ai/api/v1", "OPENROUTER_BASE_URL", "OPENROUTER_API_KEY"
    ),
}


@dataclass(frozen=True)
class Endpoint:
    """A model on an OpenAI-compatible server."""

    url: str
    model: str
    """Its name on the server."""
    api_key: ApiKey


def resolve_endpoint(model: ChatModel) -> Endpoint:
    """The endpoint of ``model``, from its name, the environment and ``.env`` in this folder.

    Raises:
        UserError: the name belongs to no known endpoint, or the key is not set.
    """
    if model.base_url:
        return Endpoint(model.base_url, model.name, ApiKey(_key("OPENAI_API_KEY") or _NO_KEY))
    name, _, served = model.name.partition("/")
    provider = _PROVIDERS.get(name)
    if provider is None or not served:
        what = f"Nothing says where the language model {model.name!r} is served."
        plain = f"openai/{model.name}" if "/" not in model.name else "openai/NAME"
        hint = f"Write {plain} or openrouter/VENDOR/NAME, or give the `base_url` of its server."
        raise UserError(what, hint=hint)
    key = _key(provider.key_variable)
    if not key:
        what = f"The language model {model.name!r} needs a key."
        raise UserError(what, hint=f"Set {provider.key_variable} in the environment or in .env.")
    return Endpoint(_url(provider), served, ApiKey(key))


def _url(provider: _Provider) -> str:
    try:
        return normalized_url(_setting(provider.url_variable) or provider.url)
    except ValueError as error:
        hint = "Set it to an address such as http://localhost:8000/v1."
        raise UserError(f"{provider.url_variable} {error}.", hint=hint) from None


def _key(variable: str) -> str:
    key = _setting(variable)
    if not (key.isascii() and (not key or key.isprintable())):
        what = f"{variable} holds characters that no key has."
        raise UserError(what, hint="Copy it again.")
    return key


def _setting(variable: str) -> str:
    """The value in the environment, or else in ``.env``; neither is changed."""
    return (os.environ.get(variable) or _dotenv().get(variable) or "").strip()


def _dotenv() -> dict[str, str | None]:
    file = Path(".env")
    if not file.is_file():
        return {}
    try:
        read: dict[str, str | None] = require_extra("dotenv").dotenv_values(
            file, encoding="utf-8-sig"
        )
    except (OSError, UnicodeDecodeError) as error:
        what = f"{file} in the working folder cannot be read: {type(error).__name__}."
        raise UserError(what, hint="Write lines NAME=value in it, or remove it.") from None
    return read
