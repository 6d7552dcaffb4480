"""A language model in a role, as investigators and graders call it, and its structured answers."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from pydantic import ValidationError

from diffkit import ChatSession, Record, TranscriptNote, Usage
from diffkit_evaluators.llm.client import check_ready
from diffkit_evaluators.llm.config import ChatConfig
from diffkit_evaluators.llm.dialects import (
    hint_for,
    known_dialect,
    next_dialect,
    remember_dialect,
)
from diffkit_evaluators.llm.errors import (
    Malformed,
    ModelFailed,
    Refused,
    RejectedError,
    RetryableError,
)
from diffkit_evaluators.llm.json_text import find_objects
from diffkit_evaluators.llm.logged_client import LoggedClient, RoleAnswerCache
from diffkit_evaluators.llm.request import (
    MAX_ROOM,
    ChatRequest,
    Messages,
    may_be_longer,
    request_body,
    schema_instruction,
    title_of,
)
from diffkit_evaluators.llm.response import Reply, Role, parse_reply
from diffkit_evaluators.llm.usage import UsageTracker


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
        self._dialect = known_dialect(self._endpoint)

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
        reply = parse_reply(response, len(messages), calls_in_text=self.config.tool_calls == "json")
        if reply.cut_off and may_be_longer(self.config):
            room = min(2 * self._dialect.room, MAX_ROOM)
            self._dialect = replace(self._dialect, room=room)
        return reply

    def _answer(self, request: ChatRequest) -> Mapping[str, Any]:
        """The response; fields that the endpoint does not support are replaced, and then always."""
        dialect = self._dialect
        while True:
            body = request_body(self.config, self._endpoint.model, request, dialect)
            try:
                response = self._client.send(body)
            except RejectedError as failed:
                answered = bool(self.usage.calls)
                other = next_dialect(failed, body, dialect, answered=answered)
                if other is None:
                    raise
                self._client.log_retry(f"{failed.reason}; {other.change}", 0.0)
                dialect = other.dialect
            else:
                if dialect != self._dialect:
                    remember_dialect(self._endpoint, dialect)
                self._dialect = dialect
                return response

    def _failed(self, reason: str) -> ModelFailed:
        self._chat.transcript.write(TranscriptNote(text=f"The language model failed: {reason}"))
        return ModelFailed(reason)

    def _reason(self, failed: RejectedError, request: ChatRequest) -> str:
        """The reason, with what helps; tools are blamed if no request was answered before."""
        body = request_body(self.config, self._endpoint.model, request, self._dialect)
        return f"{failed.reason}{hint_for(failed, body, answered=bool(self.usage.calls))}"


R = TypeVar("R", bound=Record)

_MAX_PROBLEMS = 3  # that are shown to the model

_MAX_REASON = 200  # characters of a refusal


def complete_structured(
    model: LanguageModel, messages: Messages, schema: type[R], *, tries: int = 3
) -> R:
    """Asks until an answer matches ``schema``, with the errors of the answer before.

    The last JSON object of the answer that matches is used, as an earlier one may be a quotation.
    An answer that was cut off is a draft, which never counts. Answers that do not match, and
    refusals, are not cached: a repeated evaluation asks again.

    Raises:
        Refused: the model refused.
        Malformed: none of ``tries`` answers matches.
        LanguageModelError: there was no answer, see `LanguageModel.complete`.
    """
    conversation, problem = [*messages], ""
    for _ in range(tries):
        reply = model.complete(conversation, schema=schema)
        parsed = reply.refusal or _parse(reply, schema)
        if isinstance(parsed, schema):
            return parsed
        model.discard_last()
        if reply.refusal:
            raise Refused(" ".join(reply.refusal.split())[:_MAX_REASON])
        problem = str(parsed)
        complaint = f"That cannot be read: {problem}\n{schema_instruction(schema)}"
        conversation += [reply.message, {"role": "user", "content": complaint}]
    hint = "Raise max_completion_tokens." if reply.cut_off else ""
    raise Malformed(f"No answer of {tries} fits {title_of(schema)}: {problem} {hint}".rstrip())


def _parse(reply: Reply, schema: type[R]) -> R | str:
    """The object that matches, or a description of the problem."""
    if reply.cut_off:
        return "the answer was cut off before its end; be shorter."
    problem = "the answer is empty." if not reply.text.strip() else "there is no JSON object."
    for number, found in enumerate(reversed(find_objects(reply.text))):
        try:
            return schema.model_validate(found)
        except ValidationError as error:
            problem = _problems(error) if number == 0 else problem
    return problem


def _problems(error: ValidationError) -> str:
    """What is wrong, field by field, without the values that were given."""
    problems = [
        f"{'.'.join(map(str, one['loc'])) or 'the object'}: {one['msg']}"
        for one in error.errors(include_input=False, include_url=False)
    ]
    count = len(problems) - _MAX_PROBLEMS
    more = f"; {count} more" if count > 0 else ""
    return f"{'; '.join(problems[:_MAX_PROBLEMS])}{more}."
