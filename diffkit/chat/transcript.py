"""Transcripts: the events of an attempt or a grading, one JSON object per line."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter, ValidationError

from diffkit.errors import StoreError
from diffkit.organism import Record
from diffkit.runs.files import explain_write_errors
from diffkit.verdict import Verdict


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


class Request(Record):
    """A language model is asked."""

    kind: Literal["request"] = "request"
    at: str = Field(default_factory=_now)
    """UTC, ISO 8601."""
    role: str
    """``investigator`` or ``grader``."""
    call: int
    """Number of the call in this role, from 1."""
    model: str
    """As it is asked for."""
    earlier: int = 0
    """Messages sent again from the requests before, in front of these."""
    messages: tuple[Mapping[str, Any], ...]
    """Messages that were not sent before, as the chat completions API has them."""
    parameters: Mapping[str, Any] = Field(default_factory=dict)
    """The rest of the request's body: tools, schema, temperature, …"""


class Response(Record):
    """It answers."""

    kind: Literal["response"] = "response"
    at: str = Field(default_factory=_now)
    role: str
    call: int
    body: Mapping[str, Any]
    """The response's body."""
    remembered: bool = False
    """Whether the answer was not asked for again."""
    seconds: float = 0
    """Until the answer was there, waits between tries included."""
    cost: float | None = None
    """US dollars; none where the price is unknown."""


class Retry(Record):
    """A call failed, and is made again."""

    kind: Literal["retry"] = "retry"
    at: str = Field(default_factory=_now)
    role: str
    call: int
    reason: str
    """What went wrong."""
    wait: float
    """Seconds until it is made again."""


class ToolCall(Record):
    """The investigator calls a tool, and is told a result."""

    kind: Literal["tool"] = "tool"
    at: str = Field(default_factory=_now)
    name: str
    """Name of the tool."""
    arguments: str
    """As they were given; JSON, or not."""
    result: str
    """As it was told, blinded."""
    failed: bool = False
    """Whether the result says what was wrong."""
    questions: int = 0
    """Questions that it put to the models."""


class InterimVerdictEvent(Record):
    """The investigator notes what it would say now."""

    kind: Literal["guess"] = "guess"
    at: str = Field(default_factory=_now)
    questions: int
    """Questions put to the models by then."""
    calls: int
    """Answers of its language model by then."""
    verdict: Verdict
    """What it would say."""


class TranscriptNote(Record):
    """Anything else that a reader should know."""

    kind: Literal["remark"] = "remark"
    at: str = Field(default_factory=_now)
    text: str
    """In a sentence."""


Event = Annotated[
    Request | Response | Retry | ToolCall | InterimVerdictEvent | TranscriptNote,
    Field(discriminator="kind"),
]

_EVENT: TypeAdapter[Event] = TypeAdapter(Event)

TRANSCRIPT_FILE = "transcript.jsonl"
"""Name of a transcript beside the record of an attempt or a grade."""


class Transcript:
    """Writes events as they happen, so that a crash loses none.

    Args:
        path: the file; none keeps nothing.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path

    def write(self, event: Event) -> None:
        """Adds an event.

        Raises:
            StoreUnwritable: there is no room, or no permission.
        """
        if self._path is not None:
            with (
                explain_write_errors(self._path.parent),
                self._path.open("a", encoding="utf-8") as file,
            ):
                file.write(event.model_dump_json() + "\n")


def read_transcript(path: Path) -> Iterator[Event]:
    """The events of a transcript; one that is not there has none.

    Raises:
        StoreError: a line is damaged.
    """
    if not path.exists():
        return
    with path.open("rb") as lines:  # a line cut within a character is damaged too
        for number, line in enumerate(lines, 1):
            try:
                yield _EVENT.validate_json(line)
            except ValidationError as error:
                hint = f"Remove {path.parent} and evaluate again; it is made anew."
                raise StoreError(f"{path}:{number} is damaged.", hint=hint) from error
