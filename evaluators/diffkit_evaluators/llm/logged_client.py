"""Sends requests with retries and an answer cache, and writes all of it to the transcript."""

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from diffkit import ChatSession, Request, Response, Retry
from diffkit_evaluators.llm.client import send_request
from diffkit_evaluators.llm.config import ChatConfig
from diffkit_evaluators.llm.endpoint import Endpoint, require_extra
from diffkit_evaluators.llm.errors import RetryableError
from diffkit_evaluators.llm.response import is_completion
from diffkit_evaluators.llm.usage import UsageTracker

T = TypeVar("T")

MAX_WAIT = 120.0
"""Longest wait before a call is repeated, in seconds, even if the endpoint asks for more."""


def with_retries(
    call: Callable[[], T],
    config: ChatConfig,
    *,
    sleep: Callable[[float], None],
    on_retry: Callable[[str, float], None],
) -> T:
    """Repeats ``call`` until it succeeds, and returns its result.

    Waits are those that the endpoint asks for, or else grow exponentially with jitter.

    Args:
        call: raises `RetryableError` where it may be repeated.
        config: number of retries, and the first wait.
        sleep: waits a number of seconds.
        on_retry: receives the reason and the seconds before each wait.

    Raises:
        RetryableError: the last try failed too.
    """
    tenacity = require_extra("tenacity")
    growing = tenacity.wait_exponential(multiplier=config.backoff)
    jitter = tenacity.wait_random(0, config.backoff)

    def wait(state: Any) -> float:
        asked = state.outcome.exception().wait
        return float(min(asked or growing(state) + jitter(state), MAX_WAIT))

    def before_sleep(state: Any) -> None:
        on_retry(state.outcome.exception().reason, state.next_action.sleep)

    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception_type(RetryableError),
        stop=tenacity.stop_after_attempt(1 + config.retries),
        wait=wait,
        before_sleep=before_sleep,
        sleep=sleep,
        reraise=True,
    )
    result: T = retrying(call)
    return result


class RoleAnswerCache:
    """Cached answers to one role of a chat session.

    The key is the SHA-256 of URL, body, role, the session's subject, the number of the repeat, and
    how often the same body was answered before. So a repeated request is a new sample, and neither
    repeats nor attempts at two pairs share an answer, though they may begin alike.

    Args:
        chat: holds the cache and the number of the repeat.
        role: ``investigator`` or ``grader``.
        url: URL of the endpoint.
        enabled: whether cached answers are used.
    """

    def __init__(self, chat: ChatSession, role: str, url: str, *, enabled: bool) -> None:
        self._chat = chat
        self._role = role
        self._url = url
        self._enabled = enabled
        self._last = ""

    def get(self, body: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """The cached answer to ``body``, if there is one."""
        kept = self._chat.cache.get(self._key(body)) if self._enabled else None
        return kept if is_completion(kept) else None

    def put(self, body: Mapping[str, Any], answer: Mapping[str, Any]) -> None:
        """Stores an answer of the endpoint."""
        self._chat.cache.put(self._key(body), answer)

    def count_answer(self, body: Mapping[str, Any]) -> None:
        """Counts that ``body`` was answered, from the cache or by the endpoint."""
        self._last = self._key(body)
        same = self._digest(body)
        self._chat.request_counts[same] = self._chat.request_counts.get(same, 0) + 1

    def discard_last(self) -> None:
        """Removes the last answer from the cache."""
        self._chat.cache.put(self._last, {})

    def _key(self, body: Mapping[str, Any]) -> str:
        return _sha256([self._digest(body), self._chat.request_counts.get(self._digest(body), 0)])

    def _digest(self, body: Mapping[str, Any]) -> str:
        chat = self._chat
        return _sha256([self._url, body, self._role, chat.owner_digest, chat.repeat])


def _sha256(value: Any) -> str:
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


@dataclass(frozen=True)
class LoggedClient:
    """Sends the requests of one role, and records each request, retry and response."""

    config: ChatConfig
    role: str
    chat: ChatSession
    endpoint: Endpoint
    tracker: UsageTracker
    cache: RoleAnswerCache
    sleep: Callable[[float], None]

    def send(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """The response to ``body``, from the cache or from the endpoint.

        Raises:
            RetryableError: it failed, and so did all retries.
            RejectedError: it failed for a reason that will remain.
        """
        body = self.endpoint.api_key.redact(body)
        self._write_request(body)
        started = time.monotonic()
        cached = self.cache.get(body)
        answer = self._send_with_retries(body) if cached is None else cached
        if cached is None:
            self.cache.put(body, answer)
        self.cache.count_answer(body)
        self._write_response(answer, time.monotonic() - started, cached=cached is not None)
        return answer

    @property
    def _call(self) -> int:
        return self.tracker.usage.calls + 1

    def _send_with_retries(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        config = self.config

        def send() -> Mapping[str, Any]:
            return send_request(
                self.endpoint, body, timeout=config.timeout, connections=config.connections
            )

        return with_retries(send, config, sleep=self.sleep, on_retry=self.log_retry)

    def log_retry(self, reason: str, wait: float) -> None:
        """Writes to the transcript that a request failed and is repeated."""
        retry = Retry(role=self.role, call=self._call, reason=reason, wait=wait)
        self.chat.transcript.write(retry)

    def _write_request(self, body: Mapping[str, Any]) -> None:
        messages: Sequence[Mapping[str, Any]] = body["messages"]
        before = self.chat.last_messages.get(self.role, ())
        continues = list(messages[: len(before)]) == list(before)
        earlier = len(before) if continues else 0
        self.chat.last_messages[self.role] = messages
        rest = {name: one for name, one in body.items() if name not in {"messages", "model"}}
        request = Request(
            role=self.role,
            call=self._call,
            model=self.tracker.usage.model,
            earlier=earlier,
            messages=tuple(messages[earlier:]),
            parameters=rest,
        )
        self.chat.transcript.write(request)

    def _write_response(self, answer: Mapping[str, Any], seconds: float, *, cached: bool) -> None:
        call = self._call
        cost = self.tracker.add(answer, cached=cached)
        response = Response(
            role=self.role,
            call=call,
            body=answer,
            remembered=cached,
            seconds=seconds,
            cost=cost,
        )
        self.chat.transcript.write(response)
