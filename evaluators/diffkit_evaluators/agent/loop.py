"""The agent's loop: a language model calls tools until it has submitted a verdict."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from diffkit import NoVerdict, Outcome, ToolCall, Transcript, TranscriptNote, UserError, Verdict
from diffkit_evaluators.agent.toolbox import SUBMIT, AgentToolbox
from diffkit_evaluators.agent.tools import LLMTool
from diffkit_evaluators.llm import LanguageModel, RequestedCall

MAX_FAILED_TURNS = 3
"""Turns in a row without a tool, or invalid verdicts, after which the attempt ends."""

_REMINDER = "You called no tool. Only tool calls count; submit_verdict ends the investigation."

_CUT_OFF = "Your answer was cut off before its end, and nothing of it was carried out: be shorter."

_FINAL_REQUEST = f"Nothing else can be done now: call {SUBMIT}, with what you know."

_SUBMIT_ONLY = {"type": "function", "function": {"name": SUBMIT}}


@dataclass(frozen=True)
class ToolResult:
    """The result of a tool call, as it is shown to the language model."""

    text: str
    failed: bool = False


class AgentLoop:
    """One conversation with the agent's language model.

    Output of the models and findings reaches the language model as text and has no other effect:
    only the language model's own tool calls are carried out.

    Args:
        model: the agent's language model.
        toolbox: its tools.
        system: role and rules.
        brief: evidence and candidates of the case.
        transcript: receives the tool calls.
    """

    def __init__(
        self,
        model: LanguageModel,
        toolbox: AgentToolbox,
        system: str,
        brief: str,
        transcript: Transcript,
    ) -> None:
        self._model, self._toolbox, self._transcript = model, toolbox, transcript
        self._forced = ""  # why only a verdict is accepted any more
        self._idle = 0  # turns in a row without a tool
        self._cut_off = False  # whether the last answer was
        self._errors: list[str] = []  # of invalid verdicts
        self._messages: list[Mapping[str, Any]] = [
            {"role": "system", "content": system},
            {"role": "user", "content": f"{brief}\n\n{self._status}"},
        ]

    def run(self) -> Verdict:
        """Runs the conversation until there is a verdict.

        Raises:
            NoVerdict: it ends without one.
            LanguageModelError: the language model gave no answer.
        """
        while self._toolbox.verdict is None and not self._ending:
            self._turn(self._toolbox.tools)
        return self._toolbox.verdict or self._forced_verdict()

    @property
    def _ending(self) -> str:
        """Why the next call must submit the verdict; empty if it need not."""
        if self._forced:
            return self._forced
        if not self._model.can_afford(2):
            return "the budget is nearly spent"
        return f"no tool was called in {self._idle} turns" if self._idle >= MAX_FAILED_TURNS else ""

    @property
    def _status(self) -> str:
        return _FINAL_REQUEST if self._ending else self._toolbox.status

    def _forced_verdict(self) -> Verdict:
        self._forced = self._ending
        self._transcript.write(TranscriptNote(text=f"A verdict is forced, as {self._forced}."))
        outcome = Outcome.MALFORMED if self._idle >= MAX_FAILED_TURNS else Outcome.BUDGET_SPENT
        for _ in range(MAX_FAILED_TURNS):
            self._turn({SUBMIT: self._toolbox.tools[SUBMIT]}, choice=_SUBMIT_ONLY)
            if self._toolbox.verdict is not None:
                return self._toolbox.verdict
            if not self._model.can_afford(1):
                break
        if self._errors:
            raise NoVerdict(Outcome.MALFORMED, self._errors[-1])
        cut = " Its last answer was cut off; raise max_completion_tokens." if self._cut_off else ""
        raise NoVerdict(outcome, f"No verdict came when it was asked for.{cut}")

    def _turn(
        self, offered: Mapping[str, LLMTool], choice: Mapping[str, Any] | None = None
    ) -> None:
        tools = [tool.declaration for tool in offered.values()]
        reply = self._model.complete(self._messages, tools=tools, tool_choice=choice)
        if reply.refusal:
            raise NoVerdict(Outcome.REFUSED, " ".join(reply.refusal.split())[:200])
        self._messages.append(reply.message)
        self._idle = 0 if reply.tool_calls else self._idle + 1
        self._cut_off = reply.cut_off
        if not reply.tool_calls:
            reminder = _CUT_OFF if reply.cut_off else _REMINDER
            self._messages.append({"role": "user", "content": f"{reminder}\n{self._status}"})
        self._answer(reply.tool_calls, offered)
        if len(self._errors) >= MAX_FAILED_TURNS:
            raise NoVerdict(Outcome.MALFORMED, self._errors[-1])

    def _answer(self, calls: Sequence[RequestedCall], offered: Mapping[str, LLMTool]) -> None:
        """Runs all calls of a turn in order, until one of them submits the verdict."""
        for number, call in enumerate(calls, 1):
            text = self._run_and_log(call, offered, last=number == len(calls))
            self._messages.append({"role": "tool", "tool_call_id": call.id, "content": text})
            if self._toolbox.verdict is not None:
                return

    def _run_and_log(
        self, call: RequestedCall, offered: Mapping[str, LLMTool], *, last: bool
    ) -> str:
        before = self._toolbox.asked
        result = _run_tool(call, offered)
        if result.failed and call.name == SUBMIT:
            self._errors.append(result.text)
        text = f"{result.text}\n\n{self._status}" if last else result.text
        event = ToolCall(
            name=call.name,
            arguments=call.arguments,
            result=text,
            failed=result.failed,
            questions=self._toolbox.asked - before,
        )
        self._transcript.write(event)
        return text


def _run_tool(call: RequestedCall, offered: Mapping[str, LLMTool]) -> ToolResult:
    tool = offered.get(call.name)
    if tool is None:
        text = f"There is no tool {call.name!r}. There are: {', '.join(offered)}."
        return ToolResult(text, failed=True)
    try:
        return ToolResult(tool.call(call.arguments))
    except UserError as error:
        return ToolResult(f"Error: {error}", failed=True)
