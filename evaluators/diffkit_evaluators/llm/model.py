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

_UNSUPPORTED_STATUS = {
    400,
    404,
    422,
}  # what endpoints say to a part of a request that they do not know


class LanguageModel:
    """A language model in a role; one thread asks at a time.

    Args:
        config: which model, and how it is asked.
        role: ``investigator`` or ``grader``.
        talk: where requests and answers are written, remembered and priced; several language
            models of one role may share it, and share their caps then.
        sleep: waits between tries, in seconds.

    Raises:
        UserError: it cannot be asked, see `ready`.
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
        assert config.model is not None  # noqa: S101 - it is ready
        self.config = config
        self._talk = chat
        self._ledger = UsageTracker(config, config.model.name, role, chat)
        self._memory = RoleAnswerCache(chat, role, self._endpoint.url, used=config.remember)
        self._ask = LoggedClient(
            config, role, chat, self._endpoint, self._ledger, self._memory, sleep
        )
        self._plain = False

    @property
    def usage(self) -> Usage:
        """What this role used so far."""
        return self._ledger.usage

    @property
    def spent(self) -> str:
        """What is left of the caps, in words for prompts: ``58 of 60 calls, …``."""
        return self._ledger.left

    def affords(self, calls: int = 1) -> bool:
        """Whether so many more calls, each like the dearest so far, fit the caps."""
        return self._ledger.affords(calls)

    def discard_last(self) -> None:
        """Says that nothing came of the last answer: an evaluation that is repeated asks again."""
        self._memory.forget_last()

    def complete(
        self,
        messages: Messages,
        *,
        tools: Sequence[Mapping[str, Any]] = (),
        schema: type[Record] | None = None,
        tool_choice: str | Mapping[str, Any] | None = None,
    ) -> Reply:
        """Asks.

        Args:
            messages: the conversation so far, as the chat completions API has it; results of tools
                are messages of the role ``tool`` with a ``tool_call_id``.
            tools: what it may call, as that API has them: ``{"type": "function", "function":
                {"name": …, "description": …, "parameters": JSON_SCHEMA}}``.
            schema: what its text shall be; nothing checks it here, see `structured`.
            tool_choice: as that API has it: ``auto``, ``required``, ``none`` or one tool.

        Raises:
            CapReached: a cap is spent.
            ModelFailed: it cannot be reached, or answers with errors.
            Refused: the endpoint will not pass the question on.
            UserError: a cap cannot be kept, as prices or token counts are unknown.
        """
        self._ledger.check()
        question = ChatRequest(messages, tools, schema, tool_choice)
        try:
            response = self._answer(question)
        except RetryableError as failed:
            raise self._failed(f"{failed.reason}, {self.config.retries + 1} times") from None
        except RejectedError as failed:
            if failed.policy:
                raise Refused(failed.reason) from None
            raise self._failed(self._why(failed, question)) from None
        return parse_reply(response, len(messages), in_words=self.config.tool_calls == "json")

    def _answer(self, question: ChatRequest) -> Mapping[str, Any]:
        """The response; what an endpoint does not take is said to it in words."""
        asked = self._body(question, plain=self._plain)
        try:
            return self._ask(asked)
        except RejectedError as failed:
            if (
                failed.status not in _UNSUPPORTED_STATUS
                or failed.policy
                or not has_optional_fields(asked)
            ):
                raise
            self._ask.told(f"{failed.reason}; asked again in words", 0.0)
            response = self._ask(self._body(question, plain=True))
            self._plain = True
            return response

    def _body(self, question: ChatRequest, *, plain: bool) -> dict[str, Any]:
        return request_body(self.config, self._endpoint.model, question, plain=plain)

    def _failed(self, reason: str) -> ModelFailed:
        self._talk.transcript.write(TranscriptNote(text=f"The language model failed: {reason}"))
        return ModelFailed(reason)

    def _why(self, failed: RejectedError, question: ChatRequest) -> str:
        """The reason; where no answer came yet, tools may be what the endpoint does not take."""
        native = self.config.tool_calls == "native" and question.tools
        if native and failed.status in _UNSUPPORTED_STATUS and not self.usage.calls:
            return f"{failed.reason}; for an endpoint that takes no tools, set tool_calls=json"
        return failed.reason
