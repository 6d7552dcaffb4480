"""The generated part of the page of transcripts: what events say of themselves."""

from pathlib import Path

from diffkit.chat import transcript
from diffkit.organism import Record

TRANSCRIPTS = Path(__file__).parents[2] / "docs" / "reference" / "transcripts.md"
EVENTS = (
    transcript.Request,
    transcript.Response,
    transcript.ToolCall,
    transcript.InterimVerdictEvent,
    transcript.Retry,
    transcript.TranscriptNote,
)
_START, _END = "<!-- generated -->\n", "<!-- end -->"


def transcript_page() -> str:
    """The page with the tables of its events generated again."""
    tables = "\n".join(
        f"### `{_kind(event)}`\n\n{event.__doc__}\n\n{_fields(event)}" for event in EVENTS
    )
    before, rest = TRANSCRIPTS.read_text(encoding="utf-8").split(_START)
    return f"{before}{_START}\n{tables}\n{_END}{rest.partition(_END)[2]}"


def _kind(event: type[Record]) -> str:
    return str(event.model_fields["kind"].default)


def _fields(event: type[Record]) -> str:
    rows = ["| field | type | meaning |", "|---|---|---|"]
    schema = event.model_json_schema()["properties"]
    for name in event.model_fields:
        if name != "kind":
            types = [
                part.get("type", "object") for part in schema[name].get("anyOf", [schema[name]])
            ]
            rows.append(f"| `{name}` | {' or '.join(types)} | {_meaning(event, name)} |")
    return "\n".join(rows) + "\n"


def _meaning(event: type[Record], name: str) -> str:
    """What a field's docstring says; what events share is said at the first of them."""
    said = event.model_fields[name].description or EVENTS[0].model_fields[name].description
    return " ".join(said.split()).replace("``", "`")
