"""A transcript as turns for people: what was said to whom, each thing once.

Requests repeat what was said before: answers, results of tools, and, where a conversation begins
anew, its first messages. All of that is told where it happened, and left out where it is repeated.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from diffkit.messages import Message, answer_of, calls_of, finish_of, text_of, thoughts_of
from diffkit.render import verdicts, words
from diffkit.transcript import Event, Guessed, Remark, Request, Response, Retry, ToolCall

_ABOVE = "(as told above)"
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
    teller = _Teller({(e.name, e.arguments) for e in events if isinstance(e, ToolCall)})
    return tuple(turn for event in events for turn in teller.tell(event))


@dataclass
class _Teller:
    called: set[tuple[str, str]]
    """Tool calls that the transcript tells by themselves: name and arguments."""
    model: dict[str, str] = field(default_factory=dict)
    """Role → the model that is asked."""
    said: list[tuple[str, list[str]]] = field(default_factory=list)
    """Text and called tools of each answer so far."""
    sent: list[Message] = field(default_factory=list)
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
                aside = f"call {event.call} · waits {words.duration(event.wait)}"
                parts = (Part("", event.reason),)
                return [Turn("retry", f"{event.role} asks again", aside, parts, wrong=True)]
            case Guessed():
                return [_guess(event)]
            case Remark():
                return [Turn("remark", "remark", parts=(Part("", event.text),))]

    def _request(self, event: Request) -> Iterator[Turn]:
        self.model[event.role] = event.model
        known = () if event.earlier else tuple(self.sent)
        for message in event.messages:
            if message not in known and (parts := self._new(message)):
                yield Turn("message", f"{message.get('role', '')} → {event.role}", "", parts)
        self.sent += event.messages

    def _new(self, message: Message) -> tuple[Part, ...]:
        """What a message says that was not told before."""
        if message.get("role") == "assistant" and _content(message) in self.said:
            return ()
        if message.get("role") == "tool" and text_of(message) in self.results:
            return ()
        parts = _parts(message, self.called)
        if message.get("role") in {"tool", "user"}:  # who takes no tools is told as a user
            parts = tuple(Part(part.label, self._without_results(part.text)) for part in parts)
        return parts

    def _without_results(self, text: str) -> str:
        for result in self.results:
            if len(result) > len(_ABOVE):
                text = text.replace(result, _ABOVE)
        return text

    def _response(self, event: Response) -> Turn:
        message = answer_of(event.body)
        self.said.append(_content(message))
        finish = finish_of(event.body)
        aside = [
            f"call {event.call}",
            "remembered" if event.remembered else words.duration(event.seconds),
            *([verdicts.money(event.cost)] if event.cost is not None else []),
            *([finish] if finish not in ("", "stop", "tool_calls") else []),
        ]
        parts = _parts(message, self.called) or (Part("", "(nothing)"),)
        who = " ".join(filter(None, (event.role, self.model.get(event.role, ""))))
        return Turn(
            "answer", who, " · ".join(aside), parts, wrong=bool(text_of(message, "refusal"))
        )

    def _tool(self, event: ToolCall) -> Turn:
        self.results.append(event.result)
        count = f"questions: {event.questions}"
        parts = (Part("arguments", event.arguments), Part("result", event.result))
        return Turn(
            "tool", f"tool {event.name}", count if event.questions else "", parts, event.failed
        )


def _content(message: Message) -> tuple[str, list[str]]:
    """What an answer is known by when it is sent again: its arguments may have been mended."""
    return text_of(message), [call.name for call in calls_of(message)]


def _parts(message: Message, called: set[tuple[str, str]]) -> tuple[Part, ...]:
    """Its texts and calls; the arguments of a call that is told by itself are left to that."""
    labelled = (
        ("thinks", thoughts_of(message)),
        ("", text_of(message)),
        ("refuses", text_of(message, "refusal")),
    )
    calls = [
        Part("calls", call.name)
        if (call.name, call.arguments) in called
        else Part(f"calls {call.name}", call.arguments)
        for call in calls_of(message)
    ]
    return (*(Part(label, text) for label, text in labelled if text), *calls)


def _guess(event: Guessed) -> Turn:
    aside = f"after questions: {event.questions}, calls: {event.calls}"
    parts = tuple(Part(label, text) for label, text in verdicts.facts(event.verdict))
    return Turn("guess", "would say now", aside, parts)
