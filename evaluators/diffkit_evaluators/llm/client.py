"""Sends one request to an endpoint, with a limit on simultaneous connections."""

import json
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from diffkit import UserError
from diffkit_evaluators.llm.config import ChatConfig
from diffkit_evaluators.llm.endpoint import Endpoint, require_extra, resolve_endpoint
from diffkit_evaluators.llm.errors import (
    RetryableError,
    error_from_library,
    error_from_status,
    timeout_error,
)
from diffkit_evaluators.llm.response import Role, first_choice, is_completion

_open_connections: Counter[str] = Counter()

_connection_closed = threading.Condition()


@contextmanager
def connection_slot(url: str, limit: int) -> Iterator[None]:
    """Waits until fewer than ``limit`` requests to ``url`` are open, and opens one."""
    with _connection_closed:
        _connection_closed.wait_for(lambda: _open_connections[url] < limit)
        _open_connections[url] += 1
    try:
        yield
    finally:
        with _connection_closed:
            _open_connections[url] -= 1
            _connection_closed.notify_all()


def send_request(
    endpoint: Endpoint, body: Mapping[str, Any], *, timeout: float, connections: int
) -> dict[str, Any]:
    """Sends ``body`` to the chat completions of ``endpoint``; the response, without the key.

    Raises:
        Transient: it failed, and may not fail again.
        Rejected: it failed, and will fail again.
    """
    with connection_slot(endpoint.url, connections):
        try:
            content = _response_content(endpoint, body, timeout)
        except Exception as error:
            raise error_from_library(
                error, endpoint.secret, timeout
            ) from None  # causes may hold the key
    return _parse_completion(content, endpoint)


def openai_client(endpoint: Endpoint) -> Any:
    """The client of an endpoint; there is one for each key, and it keeps its connections.

    Raises:
        UserError: `openai` is not installed, or cannot use the proxy that the environment names.
    """
    try:
        return _cached_client(endpoint.url, endpoint.secret.key)
    except (ImportError, ValueError) as error:
        what = f"No language model can be asked: {endpoint.secret.line(str(error))}"
        hint = "Mend ALL_PROXY, HTTPS_PROXY or HTTP_PROXY in the environment."
        raise UserError(what, hint=hint) from None


@lru_cache(maxsize=16)
def _cached_client(url: str, key: str) -> Any:
    return require_extra("openai").OpenAI(base_url=url, api_key=key, max_retries=0)


def _response_content(endpoint: Endpoint, body: Mapping[str, Any], timeout: float) -> bytes:
    """What it answers, read piece by piece.

    Some endpoints send spaces while they think: a time limit on each piece alone is never met.
    """
    deadline = time.monotonic() + timeout
    rest = {name: value for name, value in body.items() if name not in {"model", "messages"}}
    asked = openai_client(endpoint).chat.completions.with_streaming_response.create(
        model=body["model"], messages=body["messages"], extra_body=rest, timeout=timeout
    )
    content = bytearray()
    with asked as response:
        for piece in response.iter_bytes():
            content += piece
            if time.monotonic() > deadline:
                raise timeout_error(timeout)
    return bytes(content)


def _parse_completion(content: bytes, endpoint: Endpoint) -> dict[str, Any]:
    """The response, if it is a chat completion: some endpoints send errors with status 200."""
    try:
        body = endpoint.secret.hide(json.loads(content))
    except (ValueError, RecursionError):
        body = None
    if failed := first_choice(body).get("error") or (isinstance(body, dict) and body.get("error")):
        code = failed.get("code") if isinstance(failed, dict) else None
        status = code if isinstance(code, int) and 400 <= code < 600 else 502
        raise error_from_status(status, failed, endpoint.secret)
    if not (isinstance(body, dict) and is_completion(body)):
        raise RetryableError("the answer is no chat completion")
    return body


def check_ready(config: ChatConfig, role: Role) -> Endpoint:
    """Where the language model of ``role`` is asked, once all is there that asking needs.

    Nothing is sent.

    Raises:
        UserError: no model is named, its endpoint or key is unknown, or the libraries that ask are
            not installed.
    """
    if config.model is None:
        what = f"No language model is named for the {role}."
        raise UserError(what, hint=f"Name one: --model {role}=openai/NAME.")
    endpoint = resolve_endpoint(config.model)
    openai_client(endpoint)
    require_extra("tenacity")
    return endpoint
