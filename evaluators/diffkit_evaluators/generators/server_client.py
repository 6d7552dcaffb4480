"""Sends requests to a vLLM server; errors do not repeat what the server said."""

import os
import threading
from collections.abc import Callable
from typing import Any, TypeVar

import openai

from diffkit import UserError
from diffkit_evaluators.generators.config import RemoteConfig

KEY_VARIABLES = ("VLLM_API_KEY", "OPENAI_API_KEY")
"""Environment variables that may hold the server's key."""

T = TypeVar("T")


class ServerClient:
    """A client of one server, for several threads; the number of connections is limited.

    Args:
        config: URL, connections and time limit.
    """

    def __init__(self, config: RemoteConfig) -> None:
        self._url = config.base_url
        self._timeout = config.timeout
        key = next(filter(None, map(os.environ.get, KEY_VARIABLES)), "none")
        self._client = openai.OpenAI(
            base_url=config.base_url,
            api_key=key,
            timeout=config.timeout,
            max_retries=config.retries,
        )
        self._places = threading.BoundedSemaphore(config.connections)

    def serves(self, name: str) -> bool:
        """Whether the server has a model of that name."""
        return name in {model.id for model in self.ask(lambda client: client.models.list().data)}

    def ask(self, request: Callable[[openai.OpenAI], T]) -> T:
        """The answer to one request.

        Raises:
            UserError: there is none. The message does not repeat the server's, which may contain
                paths and names.
        """
        with self._places:
            try:
                return request(self._client)
            except (openai.APIError, ValueError) as error:  # ValueError: no JSON
                raise self._failure(error) from error

    def close(self) -> None:
        """Closes the connections."""
        self._client.close()

    def _failure(self, error: Exception) -> UserError:
        match error:
            case openai.APITimeoutError():
                what = f"did not answer within {self._timeout:g} s."
                return self._told(what, "Raise timeout, or lower connections.")
            case openai.APIConnectionError():
                return self._told("cannot be reached.", "Start it with `vllm serve`.")
            case openai.AuthenticationError() | openai.PermissionDeniedError():
                what = f"does not take the key (HTTP {error.status_code})."
                return self._told(
                    what, f"Set {' or '.join(KEY_VARIABLES)} to the one it was started with."
                )
            case openai.APIStatusError():
                what = f"refused a request (HTTP {error.status_code})."
                return self._told(what, "Its log says why.")
            case _:
                what = f"gave an answer that cannot be read ({type(error).__name__})."
                return self._told(what, "Check that base_url is that of `vllm serve`.")

    def _told(self, what: str, hint: str) -> UserError:
        return UserError(f"The server at {self._url} {what}", hint=hint)


def first_choice(answer: Any) -> Any:
    """The completion of a response.

    Raises:
        UserError: there is none.
    """
    choices = getattr(answer, "choices", None)
    if not choices:
        raise UserError("The server answered without a completion.", hint="Its log says why.")
    return choices[0]
