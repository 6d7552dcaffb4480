"""Attempts and grades in the terminal, turn by turn."""

from rich.console import Console, Group
from rich.padding import Padding
from rich.text import Text

from diffkit.evaluation.record import StoredTranscript
from diffkit.plain_text import formatting
from diffkit.render import attempt_fields
from diffkit.render.terminal.layout import grid, labelled, safe_text
from diffkit.render.transcript_turns import Kind, Part, Turn, turns

_STYLES: dict[Kind, str] = {
    "message": "bold",
    "answer": "bold cyan",
    "tool": "bold magenta",
    "guess": "bold green",
    "retry": "bold yellow",
    "remark": "bold dim",
}

_CHARACTERS = 800  # of one text


def render_attempt(transcript: StoredTranscript, console: Console, *, full: bool = False) -> None:
    """Prints what an attempt or a grade came to, at what cost, and its transcript.

    Args:
        transcript: the attempt or grade.
        console: where to.
        full: whether long texts are shown whole.
    """
    console.print(_header(transcript))
    if transcript.record.usage:
        console.print()
        console.print(_usage(transcript))
    said = turns(transcript.events)
    for turn in said:
        console.print()
        console.print(_turn(turn, full=full))
    if not said:
        console.print(Text("\nNo language model was asked.", "italic"))
    elif not full and any(len(part.text) > _CHARACTERS for turn in said for part in turn.parts):
        console.print(Text("\nLong texts are cut; --full shows all.", "dim"))


def _header(transcript: StoredTranscript) -> Group:
    title = safe_text(transcript.noun, "bold").append(f"  {transcript.digest[:12]}", "not bold dim")
    facts = attempt_fields.of(transcript.record)
    return Group(
        title, labelled([(name, safe_text(text, keep_lines=True)) for name, text in facts])
    )


def _usage(transcript: StoredTranscript) -> Group:
    table = grid(attempt_fields.USAGE, right=range(2, len(attempt_fields.USAGE)))
    for row in attempt_fields.usage(transcript.record.usage):
        table.add_row(*map(safe_text, row))
    return Group(table)


def _turn(turn: Turn, *, full: bool) -> Group:
    head = safe_text(turn.who, _STYLES[turn.kind])
    if turn.wrong:
        head.append(" ✗", "bold red")
    if turn.aside:
        head.append(f"  {formatting.clean(turn.aside)}", "not bold dim")
    return Group(head, *(Padding(_part(part, full=full), (0, 0, 0, 2)) for part in turn.parts))


def _part(part: Part, *, full: bool) -> Text:
    text = part.text if full else formatting.shorten(part.text, _CHARACTERS)
    label = safe_text(f"{part.label}: " if part.label else "", "dim")
    return label.append_text(safe_text(text, keep_lines=True))
