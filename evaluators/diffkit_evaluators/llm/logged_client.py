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
"""Seconds waited at most, whatever the endpoint asks for."""


def with_retries(
    call: Callable[[], T],
    config: ChatConfig,
    *,
    sleep: Callable[[float], None],
    told: Callable[[str, float], None],
) -> T:
    """What ``call`` gives in the end.

    Waits grow exponentially with jitter, or are what the endpoint asks for.

    Args:
        call: raises `RetryableError` where it may be made again.
        config: how often, and the first wait.
        sleep: waits, in seconds.
        told: hears the reason and the wait, before it.

    Raises:
        Transient: patience ended.
    """
    tenacity = require_extra("tenacity")
    growing = tenacity.wait_exponential(multiplier=config.backoff)
    jitter = tenacity.wait_random(0, config.backoff)

    def wait(state: Any) -> float:
        asked = state.outcome.exception().wait
        return float(min(asked or growing(state) + jitter(state), MAX_WAIT))

    def before_sleep(state: Any) -> None:
        told(state.outcome.exception().reason, state.next_action.sleep)

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
    """Answers to one role in a talk.

    The key is the SHA-256 of address, body, role, what the talk is about, the number of the repeat,
    and how often the same body was answered before. So asking again is another draw, and neither
    repeats nor attempts at two pairs, which may begin alike, ever share one.

    Args:
        talk: holds the memory and the number of the repeat.
        role: ``investigator`` or ``grader``.
        url: address of the endpoint.
        used: whether kept answers are looked up.
    """

    def __init__(self, chat: ChatSession, role: str, url: str, *, used: bool) -> None:
        self._talk = chat
        self._role = role
        self._url = url
        self._used = used
        self._last = ""

    def get(self, body: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """The kept answer to ``body``; none where there is none, or what is kept is no answer."""
        kept = self._talk.cache.get(self._key(body)) if self._used else None
        return kept if is_completion(kept) else None

    def put(self, body: Mapping[str, Any], answer: Mapping[str, Any]) -> None:
        """Keeps an answer that the endpoint gave."""
        self._talk.cache.put(self._key(body), answer)

    def answered(self, body: Mapping[str, Any]) -> None:
        """Says that ``body`` was answered, from memory or not."""
        self._last = self._key(body)
        same = self._digest(body)
        self._talk.request_counts[same] = self._talk.request_counts.get(same, 0) + 1

    def forget_last(self) -> None:
        """Keeps the answer that was given last no longer."""
        self._talk.cache.put(self._last, {})

    def _key(self, body: Mapping[str, Any]) -> str:
        return _sha256([self._digest(body), self._talk.request_counts.get(self._digest(body), 0)])

    def _digest(self, body: Mapping[str, Any]) -> str:
        chat = self._talk
        return _sha256([self._url, body, self._role, chat.owner_digest, chat.repeat])


def _sha256(value: Any) -> str:
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


@dataclass(frozen=True)
class LoggedClient:
    """What goes with every request of a role."""

    config: ChatConfig
    role: str
    chat: ChatSession
    endpoint: Endpoint
    ledger: UsageTracker
    memory: RoleAnswerCache
    sleep: Callable[[float], None]

    def __call__(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """The response to ``body``.

        Raises:
            Transient: it failed, and patience ended.
            Rejected: it failed, and will fail again.
        """
        body = self.endpoint.secret.hide(body)
        self._write_request(body)
        started = time.monotonic()
        kept = self.memory.get(body)
        answer = self._patiently(body) if kept is None else kept
        if kept is None:
            self.memory.put(body, answer)
        self.memory.answered(body)
        self._write_response(answer, time.monotonic() - started, remembered=kept is not None)
        return answer

    @property
    def _call(self) -> int:
        return self.ledger.usage.calls + 1

    def _patiently(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        config = self.config

        def send() -> Mapping[str, Any]:
            return send_request(
                self.endpoint, body, timeout=config.timeout, connections=config.connections
            )

        return with_retries(send, config, sleep=self.sleep, told=self.told)

    def told(self, reason: str, wait: float) -> None:
        """Writes down that a call failed and is made again."""
        retry = Retry(role=self.role, call=self._call, reason=reason, wait=wait)
        self.chat.transcript.write(retry)

    def _write_request(self, body: Mapping[str, Any]) -> None:
        messages: Sequence[Mapping[str, Any]] = body["messages"]
        before = self.chat.last_messages.get(self.role, ())
        goes_on = list(messages[: len(before)]) == list(before)
        earlier = len(before) if goes_on else 0
        self.chat.last_messages[self.role] = messages
        rest = {name: one for name, one in body.items() if name not in {"messages", "model"}}
        request = Request(
            role=self.role,
            call=self._call,
            model=self.ledger.usage.model,
            earlier=earlier,
            messages=tuple(messages[earlier:]),
            parameters=rest,
        )
        self.chat.transcript.write(request)

    def _write_response(
        self, answer: Mapping[str, Any], seconds: float, *, remembered: bool
    ) -> None:
        call = self._call
        cost = self.ledger.add(answer, remembered=remembered)
        response = Response(
            role=self.role,
            call=call,
            body=answer,
            remembered=remembered,
            seconds=seconds,
            cost=cost,
        )
        self.chat.transcript.write(response)
