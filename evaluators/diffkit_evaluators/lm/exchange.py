"""One request to an endpoint, and its response."""

import json
import time
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from diffkit import UserError
from diffkit_evaluators.lm.completion import first_choice, is_completion
from diffkit_evaluators.lm.connections import connection
from diffkit_evaluators.lm.endpoint import Endpoint
from diffkit_evaluators.lm.extras import need
from diffkit_evaluators.lm.failures import Transient, of_library, of_status, too_late


def exchange(
    endpoint: Endpoint, body: Mapping[str, Any], *, timeout: float, connections: int
) -> dict[str, Any]:
    """Sends ``body`` to the chat completions of ``endpoint``; the response, without the key.

    Raises:
        Transient: it failed, and may not fail again.
        Rejected: it failed, and will fail again.
    """
    with connection(endpoint.url, connections):
        try:
            content = _content(endpoint, body, timeout)
        except Exception as error:
            raise of_library(error, endpoint.secret, timeout) from None  # causes may hold the key
    return _checked(content, endpoint)


def client(endpoint: Endpoint) -> Any:
    """The client of an endpoint; there is one for each key, and it keeps its connections.

    Raises:
        UserError: `openai` is not installed, or cannot use the proxy that the environment names.
    """
    try:
        return _client(endpoint.url, endpoint.secret.key)
    except (ImportError, ValueError) as error:
        what = f"No language model can be asked: {endpoint.secret.line(str(error))}"
        cure = "Mend ALL_PROXY, HTTPS_PROXY or HTTP_PROXY in the environment."
        raise UserError(what, cure=cure) from None


@lru_cache(maxsize=16)
def _client(url: str, key: str) -> Any:
    return need("openai").OpenAI(base_url=url, api_key=key, max_retries=0)


def _content(endpoint: Endpoint, body: Mapping[str, Any], timeout: float) -> bytes:
    """What it answers, read piece by piece.

    Some endpoints send spaces while they think: a time limit on each piece alone is never met.
    """
    deadline = time.monotonic() + timeout
    rest = {name: value for name, value in body.items() if name not in {"model", "messages"}}
    asked = client(endpoint).chat.completions.with_streaming_response.create(
        model=body["model"], messages=body["messages"], extra_body=rest, timeout=timeout
    )
    content = bytearray()
    with asked as response:
        for piece in response.iter_bytes():
            content += piece
            if time.monotonic() > deadline:
                raise too_late(timeout)
    return bytes(content)


def _checked(content: bytes, endpoint: Endpoint) -> dict[str, Any]:
    """The response, if it is a chat completion: some endpoints send errors with status 200."""
    try:
        body = endpoint.secret.hide(json.loads(content))
    except (ValueError, RecursionError):
        body = None
    if failed := first_choice(body).get("error") or (isinstance(body, dict) and body.get("error")):
        code = failed.get("code") if isinstance(failed, dict) else None
        status = code if isinstance(code, int) and 400 <= code < 600 else 502
        raise of_status(status, failed, endpoint.secret)
    if not (isinstance(body, dict) and is_completion(body)):
        raise Transient("the answer is no chat completion")
    return body
