"""Puts a body to an endpoint: from memory or over the network, and always into the transcript."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from diffkit import Request, Response, Retry, Talk
from diffkit_evaluators.lm.config import ChatConfig
from diffkit_evaluators.lm.endpoint import Endpoint
from diffkit_evaluators.lm.exchange import exchange
from diffkit_evaluators.lm.ledger import Ledger
from diffkit_evaluators.lm.patience import patiently
from diffkit_evaluators.lm.recollection import Recollection


@dataclass(frozen=True)
class Asking:
    """What goes with every request of a role."""

    config: ChatConfig
    role: str
    talk: Talk
    endpoint: Endpoint
    ledger: Ledger
    memory: Recollection
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
            return exchange(
                self.endpoint, body, timeout=config.timeout, connections=config.connections
            )

        return patiently(send, config, sleep=self.sleep, told=self.told)

    def told(self, reason: str, wait: float) -> None:
        """Writes down that a call failed and is made again."""
        retry = Retry(role=self.role, call=self._call, reason=reason, wait=wait)
        self.talk.transcript.write(retry)

    def _write_request(self, body: Mapping[str, Any]) -> None:
        messages: Sequence[Mapping[str, Any]] = body["messages"]
        before = self.talk.sent.get(self.role, ())
        goes_on = list(messages[: len(before)]) == list(before)
        earlier = len(before) if goes_on else 0
        self.talk.sent[self.role] = messages
        rest = {name: one for name, one in body.items() if name not in {"messages", "model"}}
        request = Request(
            role=self.role,
            call=self._call,
            model=self.ledger.usage.model,
            earlier=earlier,
            messages=tuple(messages[earlier:]),
            parameters=rest,
        )
        self.talk.transcript.write(request)

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
        self.talk.transcript.write(response)
