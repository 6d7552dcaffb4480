"""A transcript as turns for people: each message, answer and tool call once.

Requests repeat earlier answers, tool results and first messages. Each of these is shown where it
first happened, and left out where it is repeated.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from diffkit.chat.messages import (
    ApiMessage,
    finish_reason,
    message_text,
    reasoning_text,
    response_message,
    tool_calls,
)
from diffkit.chat.transcript import (
    Event,
    InterimVerdictEvent,
    Request,
    Response,
    Retry,
    ToolCall,
    TranscriptNote,
)
from diffkit.plain_text import formatting
from diffkit.render import attempt_fields

_SHOWN_ABOVE = "(as told above)"

Kind = Literal["message", "answer", "tool", "guess", "retry", "remark"]


@dataclass(frozen=True)
class Part:
    """A labelled text; the label is empty where the text needs none."""

    label: str
    text: str


@dataclass(frozen=True)
class Turn:
    """One thing that was said or done."""

    kind: Kind
    who: str
    aside: str = ""
    """When, how long, at what cost."""
    parts: tuple[Part, ...] = ()
    wrong: bool = False
    """Whether it says that something went wrong."""


def turns(events: Sequence[Event]) -> tuple[Turn, ...]:
    """The turns of a transcript."""
    teller = _TurnBuilder({(e.name, e.arguments) for e in events if isinstance(e, ToolCall)})
    return tuple(turn for event in events for turn in teller.tell(event))


@dataclass
class _TurnBuilder:
    called: set[tuple[str, str]]
    """Tool calls that the transcript tells by themselves: name and arguments."""
    model: dict[str, str] = field(default_factory=dict)
    """Role → the model that is asked."""
    said: list[tuple[str, list[str]]] = field(default_factory=list)
    """Text and called tools of each answer so far."""
    sent: list[ApiMessage] = field(default_factory=list)
    """All messages of requests so far."""
    results: list[str] = field(default_factory=list)
    """What tools answered so far."""

    def tell(self, event: Event) -> Iterable[Turn]:
        """The turns of the next event."""
        match event:
            case Request():
                return self._request(event)
            case Response():
                return [self._response(event)]
            case ToolCall():
                return [self._tool(event)]
            case Retry():
                aside = f"call {event.call} · waits {formatting.duration(event.wait)}"
                parts = (Part("", event.reason),)
                return [Turn("retry", f"{event.role} asks again", aside, parts, wrong=True)]
            case InterimVerdictEvent():
                return [_interim_verdict(event)]
            case TranscriptNote():
                return [Turn("remark", "remark", parts=(Part("", event.text),))]

    def _request(self, event: Request) -> Iterator[Turn]:
        self.model[event.role] = event.model
        known = () if event.earlier else tuple(self.sent)
        for message in event.messages:
            if message not in known and (parts := self._new(message)):
                yield Turn("message", f"{message.get('role', '')} → {event.role}", "", parts)
        self.sent += event.messages

    def _new(self, message: ApiMessage) -> tuple[Part, ...]:
        """What a message says that was not told before."""
        if message.get("role") == "assistant" and _content(message) in self.said:
            return ()
        if message.get("role") == "tool" and message_text(message) in self.results:
            return ()
        parts = _parts(message, self.called)
        if message.get("role") in {
            "tool",
            "user",
        }:  # endpoints without tools receive results as a user's
            parts = tuple(Part(part.label, self._without_results(part.text)) for part in parts)
        return parts

    def _without_results(self, text: str) -> str:
        for result in self.results:
            if len(result) > len(_SHOWN_ABOVE):
                text = text.replace(result, _SHOWN_ABOVE)
        return text

    def _response(self, event: Response) -> Turn:
        message = response_message(event.body)
        self.said.append(_content(message))
        finish = finish_reason(event.body)
        aside = [
            f"call {event.call}",
            "remembered" if event.remembered else formatting.duration(event.seconds),
            *([attempt_fields.money(event.cost)] if event.cost is not None else []),
            *([finish] if finish not in ("", "stop", "tool_calls") else []),
        ]
        parts = _parts(message, self.called) or (Part("", "(nothing)"),)
        who = " ".join(filter(None, (event.role, self.model.get(event.role, ""))))
        return Turn(
            "answer", who, " · ".join(aside), parts, wrong=bool(message_text(message, "refusal"))
        )

    def _tool(self, event: ToolCall) -> Turn:
        self.results.append(event.result)
        count = f"questions: {event.questions}"
        parts = (Part("arguments", event.arguments), Part("result", event.result))
        return Turn(
            "tool", f"tool {event.name}", count if event.questions else "", parts, event.failed
        )


def _content(message: ApiMessage) -> tuple[str, list[str]]:
    """What an answer is known by when it is sent again: its arguments may have been mended."""
    return message_text(message), [call.name for call in tool_calls(message)]


def _parts(message: ApiMessage, called: set[tuple[str, str]]) -> tuple[Part, ...]:
    """Its texts and calls; the arguments of a call that has an event of its own are left out."""
    labelled = (
        ("thinks", reasoning_text(message)),
        ("", message_text(message)),
        ("refuses", message_text(message, "refusal")),
    )
    calls = [
        Part("calls", call.name)
        if (call.name, call.arguments) in called
        else Part(f"calls {call.name}", call.arguments)
        for call in tool_calls(message)
    ]
    return (*(Part(label, text) for label, text in labelled if text), *calls)


def _interim_verdict(event: InterimVerdictEvent) -> Turn:
    aside = f"after questions: {event.questions}, calls: {event.calls}"
    parts = tuple(Part(label, text) for label, text in attempt_fields.verdict_fields(event.verdict))
    return Turn("guess", "would say now", aside, parts)
