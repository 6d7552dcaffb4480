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
    error_from_library,
    error_in_body,
    not_a_completion,
    timeout_error,
)
from diffkit_evaluators.llm.response import Role, first_choice, is_completion

_open_connections: Counter[str] = Counter()

_connection_closed = threading.Condition()


@contextmanager
def connection_slot(url: str, limit: int) -> Iterator[None]:
    """Waits until fewer than ``limit`` requests to ``url`` are open, then counts one more."""
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
    """Sends ``body`` to the chat completions of ``endpoint``; returns the response without the key.

    Raises:
        RetryableError: it failed for a reason that may be temporary.
        RejectedError: it failed for a reason that will remain.
    """
    with connection_slot(endpoint.url, connections):
        try:
            content = _response_content(endpoint, body, timeout)
        except Exception as error:
            # a cause may contain the key
            raise error_from_library(error, endpoint.api_key, timeout) from None
    return _parse_completion(content, endpoint)


def openai_client(endpoint: Endpoint) -> Any:
    """The client of an endpoint: one for each key, which keeps its connections.

    Raises:
        UserError: `openai` is not installed, or cannot use the proxy of the environment.
    """
    try:
        return _cached_client(endpoint.url, endpoint.api_key.key)
    except (ImportError, ValueError) as error:
        what = f"No language model can be called: {endpoint.api_key.one_line(str(error))}"
        hint = "Correct ALL_PROXY, HTTPS_PROXY or HTTP_PROXY in the environment."
        raise UserError(what, hint=hint) from None


@lru_cache(maxsize=16)
def _cached_client(url: str, key: str) -> Any:
    return require_extra("openai").OpenAI(base_url=url, api_key=key, max_retries=0)


def _response_content(endpoint: Endpoint, body: Mapping[str, Any], timeout: float) -> bytes:
    """Reads the response piece by piece, within the time limit for the whole.

    Some endpoints send spaces while a model reasons, so that each piece alone arrives in time.
    """
    deadline = time.monotonic() + timeout
    rest = {name: value for name, value in body.items() if name not in {"model", "messages"}}
    request = openai_client(endpoint).chat.completions.with_streaming_response.create(
        model=body["model"], messages=body["messages"], extra_body=rest, timeout=timeout
    )
    content = bytearray()
    with request as response:
        for piece in response.iter_bytes():
            content += piece
            if time.monotonic() > deadline:
                raise timeout_error(timeout)
    return bytes(content)


def _parse_completion(content: bytes, endpoint: Endpoint) -> dict[str, Any]:
    """Parses a chat completion; some endpoints send errors with status 200."""
    try:
        body = endpoint.api_key.redact(json.loads(content))
    except (ValueError, RecursionError):
        body = None
    if error := first_choice(body).get("error") or (isinstance(body, dict) and body.get("error")):
        raise error_in_body(error, endpoint.api_key)
    if not (isinstance(body, dict) and is_completion(body)):
        raise not_a_completion(content)
    return body


def check_ready(config: ChatConfig, role: Role) -> Endpoint:
    """The endpoint of ``role``, after a check that it can be called. Nothing is sent.

    Raises:
        UserError: no model is named, its endpoint or key is unknown, or a library is missing.
    """
    if config.model is None:
        what = f"No language model is named for the {role}."
        raise UserError(what, hint=f"Name one: --model {role}=openai/NAME.")
    endpoint = resolve_endpoint(config.model)
    openai_client(endpoint)
    require_extra("tenacity")
    return endpoint
