"""A language model in a role: what investigators and graders ask."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from diffkit import Record, Talk, Usage
from diffkit_evaluators.lm.config import ChatConfig
from diffkit_evaluators.lm.reply import Reply

Messages = Sequence[Mapping[str, Any]]


class LanguageModel:
    """A language model in a role.

    Args:
        config: which model, and how it is asked.
        role: ``investigator`` or ``grader``.
        talk: where requests and answers are written, remembered and priced; several language
            models of one role may share it, and share their caps then.
        sleep: waits between tries, in seconds.

    Raises:
        UserError: there is no such model or key, or `openai` is not installed.
    """

    def __init__(
        self,
        config: ChatConfig,
        role: Literal["investigator", "grader"],
        talk: Talk,
        *,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.config = config
        self._role = role
        self._talk = talk
        self._sleep = sleep

    @property
    def usage(self) -> Usage:
        """What this role used so far."""
        return self._talk.usage[self._role]

    @property
    def spent(self) -> str:
        """What is left of the caps, in words for prompts."""
        raise NotImplementedError

    def affords(self, calls: int = 1) -> bool:
        """Whether so many more calls, each like the dearest so far, fit the caps."""
        raise NotImplementedError

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
        raise NotImplementedError
