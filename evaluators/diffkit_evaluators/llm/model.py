"""A language model in a role: what investigators and graders call."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from diffkit import ChatSession, Record, TranscriptNote, Usage
from diffkit_evaluators.llm.client import check_ready
from diffkit_evaluators.llm.config import ChatConfig
from diffkit_evaluators.llm.errors import ModelFailed, Refused, RejectedError, RetryableError
from diffkit_evaluators.llm.logged_client import LoggedClient, RoleAnswerCache
from diffkit_evaluators.llm.request import ChatRequest, Messages, has_optional_fields, request_body
from diffkit_evaluators.llm.response import Reply, Role, parse_reply
from diffkit_evaluators.llm.usage import UsageTracker

_UNSUPPORTED_STATUS = {400, 404, 422}  # answers to a field that an endpoint does not support


class LanguageModel:
    """A language model in a role; for one thread at a time.

    Args:
        config: which model, and the limits of its use.
        role: ``investigator`` or ``grader``.
        chat: transcript, answer cache, prices and usage; language models of one role that share it
            share their limits.
        sleep: waits a number of seconds before a retry.

    Raises:
        UserError: it cannot be called, see `check_ready`.
    """

    def __init__(
        self,
        config: ChatConfig,
        role: Role,
        chat: ChatSession,
        *,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._endpoint = check_ready(config, role)
        assert config.model is not None  # noqa: S101 - checked
        self.config = config
        self._chat = chat
        self._tracker = UsageTracker(config, config.model.name, role, chat)
        self._cache = RoleAnswerCache(chat, role, self._endpoint.url, enabled=config.remember)
        self._client = LoggedClient(
            config, role, chat, self._endpoint, self._tracker, self._cache, sleep
        )
        self._as_text = False  # whether the endpoint needs schema and tool choice in the prompt

    @property
    def usage(self) -> Usage:
        """What this role has used so far."""
        return self._tracker.usage

    @property
    def remaining(self) -> str:
        """What remains within each limit, as text for prompts: ``58 of 60 calls, …``."""
        return self._tracker.remaining

    def can_afford(self, calls: int = 1) -> bool:
        """Whether that many calls, each as large as the largest so far, are within the limits."""
        return self._tracker.can_afford(calls)

    def discard_last(self) -> None:
        """Removes the last, unusable answer from the cache: a repeated evaluation asks again."""
        self._cache.discard_last()

    def complete(
        self,
        messages: Messages,
        *,
        tools: Sequence[Mapping[str, Any]] = (),
        schema: type[Record] | None = None,
        tool_choice: str | Mapping[str, Any] | None = None,
    ) -> Reply:
        """Completes a conversation.

        Args:
            messages: the conversation so far, in the format of the chat completions API; results of
                tools are messages of the role ``tool`` with a ``tool_call_id``.
            tools: the tools that it may call, in that API's format: ``{"type": "function",
                "function": {"name": …, "description": …, "parameters": JSON_SCHEMA}}``.
            schema: the schema that its text is to match; not checked here, see
                `complete_structured`.
            tool_choice: ``auto``, ``required``, ``none`` or one tool, in that API's format.

        Raises:
            CapReached: a limit is reached.
            ModelFailed: it cannot be reached, or answers with errors.
            Refused: the endpoint's content policy rejects the request.
            UserError: a limit cannot be checked, as prices or token counts are unknown.
        """
        self._tracker.check()
        request = ChatRequest(messages, tools, schema, tool_choice)
        try:
            response = self._answer(request)
        except RetryableError as failed:
            raise self._failed(f"{failed.reason}, {self.config.retries + 1} times") from None
        except RejectedError as failed:
            if failed.policy:
                raise Refused(failed.reason) from None
            raise self._failed(self._reason(failed, request)) from None
        return parse_reply(response, len(messages), calls_in_text=self.config.tool_calls == "json")

    def _answer(self, request: ChatRequest) -> Mapping[str, Any]:
        """The response; fields that the endpoint does not support are replaced by text."""
        body = self._body(request, as_text=self._as_text)
        try:
            return self._client.send(body)
        except RejectedError as failed:
            unsupported = failed.status in _UNSUPPORTED_STATUS and not failed.policy
            if not (unsupported and has_optional_fields(body)):
                raise
            self._client.log_retry(f"{failed.reason}; asked again in words", 0.0)
            response = self._client.send(self._body(request, as_text=True))
            self._as_text = True
            return response

    def _body(self, request: ChatRequest, *, as_text: bool) -> dict[str, Any]:
        return request_body(self.config, self._endpoint.model, request, as_text=as_text)

    def _failed(self, reason: str) -> ModelFailed:
        self._chat.transcript.write(TranscriptNote(text=f"The language model failed: {reason}"))
        return ModelFailed(reason)

    def _reason(self, failed: RejectedError, request: ChatRequest) -> str:
        """The reason, with a hint on tools if no request was answered before."""
        native = self.config.tool_calls == "native" and request.tools
        if native and failed.status in _UNSUPPORTED_STATUS and not self.usage.calls:
            return f"{failed.reason}; for an endpoint that takes no tools, set tool_calls=json"
        return failed.reason
