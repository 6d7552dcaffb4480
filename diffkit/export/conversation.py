"""The messages of a transcript, as the chat completions API has them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from diffkit.chat.messages import ApiMessage, response_message, tool_calls
from diffkit.chat.transcript import Event, Request, Response, ToolCall


def conversation(events: Iterable[Event], role: str = "investigator") -> tuple[ApiMessage, ...]:
    """All messages of one role in their order, each once.

    Args:
        events: the transcript.
        role: whose language model is asked.
    """
    talk = _Conversation(role)
    for event in events:
        talk.add(event)
    return (*talk.messages, *talk.waiting())


@dataclass
class _Conversation:
    role: str
    messages: list[ApiMessage] = field(default_factory=list)
    sent: list[ApiMessage] = field(default_factory=list)
    """What requests held so far, so that a conversation that begins anew is not taken twice."""
    answer: ApiMessage | None = None
    """The last answer, until a request repeats it."""
    tools: list[ToolCall] = field(default_factory=list)
    """Tools that were called since, until a request tells what they answered."""

    def add(self, event: Event) -> None:
        """Takes the next event."""
        match event:
            case Request(role=self.role):
                self._request(event)
            case Response(role=self.role):
                self.messages += self.waiting()
                self.answer, self.tools = {"role": "assistant", **response_message(event.body)}, []
            case ToolCall():
                self.tools.append(event)
            case _:
                pass

    def _request(self, event: Request) -> None:
        """Takes what it sends for the first time; an answer that it repeats keeps its thoughts."""
        known = () if event.earlier else self.sent
        new = [one for one in event.messages if one not in known]
        self.sent += new
        repeated = next((one for one in new if one.get("role") == "assistant"), None)
        if repeated is None:
            self.messages += self.waiting()
        answer = self.answer or {}
        self.messages += [{**answer, **one} if one is repeated else one for one in new]
        self.answer, self.tools = None, []

    def waiting(self) -> Iterator[ApiMessage]:
        """The last answer, and what tools made of it, where no request repeats them."""
        if self.answer is None:
            return
        yield self.answer
        calls = {(call.name, call.arguments): call.id for call in tool_calls(self.answer)}
        for tool in self.tools:
            call = calls.get((tool.name, tool.arguments), "")
            yield {"role": "tool", "tool_call_id": call, "name": tool.name, "content": tool.result}
