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
    """A request to a language model."""

    kind: Literal["request"] = "request"
    at: str = Field(default_factory=_now)
    """UTC, ISO 8601."""
    role: str
    """``investigator`` or ``grader``."""
    call: int
    """Number of the call in this role, from 1."""
    model: str
    """The name in the request."""
    earlier: int = 0
    """Number of messages of earlier requests that were sent again before these."""
    messages: tuple[Mapping[str, Any], ...]
    """New messages, in the format of the chat completions API."""
    parameters: Mapping[str, Any] = Field(default_factory=dict)
    """The rest of the request's body: tools, schema, temperature, …"""


class Response(Record):
    """A response of a language model."""

    kind: Literal["response"] = "response"
    at: str = Field(default_factory=_now)
    role: str
    call: int
    body: Mapping[str, Any]
    """The response's body."""
    remembered: bool = False
    """Whether the answer came from the cache."""
    seconds: float = 0
    """Time until the answer, waits between retries included."""
    cost: float | None = None
    """US dollars; none if the price is unknown."""


class Retry(Record):
    """A request failed and is sent again."""

    kind: Literal["retry"] = "retry"
    at: str = Field(default_factory=_now)
    role: str
    call: int
    reason: str
    """The error."""
    wait: float
    """Seconds until the retry."""


class ToolCall(Record):
    """A tool call of the investigator, with its result."""

    kind: Literal["tool"] = "tool"
    at: str = Field(default_factory=_now)
    name: str
    """Name of the tool."""
    arguments: str
    """As the investigator wrote them; JSON, or not."""
    result: str
    """The blinded result."""
    failed: bool = False
    """Whether the result is an error message."""
    questions: int = 0
    """Questions that it sent to the models."""


class InterimVerdictEvent(Record):
    """An interim verdict of the investigator."""

    kind: Literal["guess"] = "guess"
    at: str = Field(default_factory=_now)
    questions: int
    """Questions to the models so far."""
    calls: int
    """Answers of its language model so far."""
    verdict: Verdict
    """The verdict at this point."""


class TranscriptNote(Record):
    """A note for readers of the transcript."""

    kind: Literal["remark"] = "remark"
    at: str = Field(default_factory=_now)
    text: str
    """One sentence."""


Event = Annotated[
    Request | Response | Retry | ToolCall | InterimVerdictEvent | TranscriptNote,
    Field(discriminator="kind"),
]

_EVENT: TypeAdapter[Event] = TypeAdapter(Event)

TRANSCRIPT_FILE = "transcript.jsonl"
"""Name of a transcript beside the record of an attempt or a grade."""


class Transcript:
    """Writes events immediately, so that a crash loses none.

    Args:
        path: the file; none writes nothing.
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
    """The events of a transcript; a missing file has none.

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
