"""The agent's loop: a language model calls tools until it has submitted a verdict."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from diffkit import NoVerdict, Outcome, ToolCall, Transcript, TranscriptNote, UserError, Verdict
from diffkit_evaluators.agent.toolbox import SUBMIT, AgentToolbox
from diffkit_evaluators.agent.tools import LLMTool
from diffkit_evaluators.llm import LanguageModel, RequestedCall

MAX_FAILED_TURNS = 3
"""Turns in a row without a tool, and verdicts that cannot be read, that are put up with."""

_REMINDER = "You called no tool. Only tool calls count; submit_verdict ends the investigation."

_FINAL_REQUEST = f"Nothing else can be done now: call {SUBMIT}, with what you know."

_SUBMIT_ONLY = {"type": "function", "function": {"name": SUBMIT}}


@dataclass(frozen=True)
class ToolResult:
    """What a tool call came to."""

    text: str
    failed: bool = False


class AgentLoop:
    """One conversation.

    What the models and the findings say reaches the language model as text, and nothing else comes
    of it: its own tool calls decide what is done.

    Args:
        model: who is interviewed.
        desk: its tools.
        system: role and rules.
        brief: what the case holds.
        transcript: where tool calls are written.
    """

    def __init__(
        self,
        model: LanguageModel,
        desk: AgentToolbox,
        system: str,
        brief: str,
        transcript: Transcript,
    ) -> None:
        self._model, self._desk, self._transcript = model, desk, transcript
        self._forced = ""  # why nothing but a verdict is taken any more
        self._idle = 0  # turns in a row without a tool
        self._faults: list[str] = []  # of verdicts that could not be read
        self._messages: list[Mapping[str, Any]] = [
            {"role": "system", "content": system},
            {"role": "user", "content": f"{brief}\n\n{self._status}"},
        ]

    def run(self) -> Verdict:
        """The verdict.

        Raises:
            NoVerdict: there is none.
            LanguageModelError: the language model gave no answer.
        """
        while self._desk.verdict is None and not self._ending:
            self._turn(self._desk.tools)
        return self._desk.verdict or self._last_word()

    @property
    def _ending(self) -> str:
        """Why the next call must be the verdict's; empty where it need not."""
        if self._forced:
            return self._forced
        if not self._model.affords(2):
            return "the budget is nearly spent"
        return f"no tool was called in {self._idle} turns" if self._idle >= MAX_FAILED_TURNS else ""

    @property
    def _status(self) -> str:
        return _FINAL_REQUEST if self._ending else self._desk.left

    def _last_word(self) -> Verdict:
        self._forced = self._ending
        self._transcript.write(TranscriptNote(text=f"A verdict is forced, as {self._forced}."))
        outcome = Outcome.MALFORMED if self._idle >= MAX_FAILED_TURNS else Outcome.BUDGET_SPENT
        for _ in range(MAX_FAILED_TURNS):
            self._turn({SUBMIT: self._desk.tools[SUBMIT]}, choice=_SUBMIT_ONLY)
            if self._desk.verdict is not None:
                return self._desk.verdict
            if not self._model.affords(1):
                break
        if self._faults:
            raise NoVerdict(Outcome.MALFORMED, self._faults[-1])
        raise NoVerdict(outcome, "No verdict came when it was asked for.")

    def _turn(
        self, offered: Mapping[str, LLMTool], choice: Mapping[str, Any] | None = None
    ) -> None:
        tools = [tool.declaration for tool in offered.values()]
        reply = self._model.complete(self._messages, tools=tools, tool_choice=choice)
        if reply.refusal:
            raise NoVerdict(Outcome.REFUSED, " ".join(reply.refusal.split())[:200])
        self._messages.append(reply.message)
        self._idle = 0 if reply.tool_calls else self._idle + 1
        if not reply.tool_calls:
            self._messages.append({"role": "user", "content": f"{_REMINDER}\n{self._status}"})
        self._answer(reply.tool_calls, offered)
        if len(self._faults) >= MAX_FAILED_TURNS:
            raise NoVerdict(Outcome.MALFORMED, self._faults[-1])

    def _answer(self, calls: Sequence[RequestedCall], offered: Mapping[str, LLMTool]) -> None:
        """All calls of a turn in order, until one of them is a verdict."""
        for number, asked in enumerate(calls, 1):
            text = self._told(asked, offered, last=number == len(calls))
            self._messages.append({"role": "tool", "tool_call_id": asked.id, "content": text})
            if self._desk.verdict is not None:
                return

    def _told(self, asked: RequestedCall, offered: Mapping[str, LLMTool], *, last: bool) -> str:
        before = self._desk.asked
        told = _run_tool(asked, offered)
        if told.failed and asked.name == SUBMIT:
            self._faults.append(told.text)
        text = f"{told.text}\n\n{self._status}" if last else told.text
        event = ToolCall(
            name=asked.name,
            arguments=asked.arguments,
            result=text,
            failed=told.failed,
            questions=self._desk.asked - before,
        )
        self._transcript.write(event)
        return text


def _run_tool(asked: RequestedCall, offered: Mapping[str, LLMTool]) -> ToolResult:
    tool = offered.get(asked.name)
    if tool is None:
        text = f"There is no tool {asked.name!r}. There are: {', '.join(offered)}."
        return ToolResult(text, failed=True)
    try:
        return ToolResult(tool.call(asked.arguments))
    except UserError as error:
        return ToolResult(f"Error: {error}", failed=True)
