"""The text of records that is searched, in passages, and what a search asks for."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from diffkit.chat.transcript import TRANSCRIPT_FILE, Event, read_transcript
from diffkit.errors import StoreError, UserError
from diffkit.findings import (
    Figure,
    Finding,
    Findings,
    Note,
    Samples,
    Series,
    Table,
    TokenTable,
    TokenTrace,
)
from diffkit.grader import Grade
from diffkit.records.files import RecordKind, check_file, record_file
from diffkit.render.transcript_turns import turns
from diffkit.runs.files import read_stored
from diffkit.verdict import Attempt, Verdict

MAX_PASSAGES = 2000
"""Passages of one record that are searched, from its first on."""
MAX_CHARACTERS = 20_000
"""Characters of one passage that are searched."""
_ALONE = re.compile(r"([\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff])")
"""Characters of scripts without spaces between words: each counts as a word."""
_ASKED = re.compile(r'"([^"]*)"|(\S+)')


@dataclass(frozen=True)
class TextPassage:
    """A text of a record, and where it is."""

    text: str
    finding: int | None = None
    """Number of the finding, from 0; none if it is of no finding."""
    row: int | None = None
    """Number of the row in the finding, from 0."""
    turn: int | None = None
    """Number of the turn in a transcript, from 0."""
    name: str = ""
    """Title of the finding, or which part of the record."""


def passages(root: Path, kind: RecordKind, name: str) -> list[TextPassage]:
    """The passages of a run, an attempt or a grade; a damaged part has none.

    Args:
        root: the store's folder, with links resolved.
        kind: the kind of record.
        name: its digest.
    """
    folder = record_file(root, kind, name).parent
    found: list[TextPassage] = []
    try:
        if kind == "runs":
            check_file(root, folder / "findings.json")
            findings = read_stored(folder / "findings.json", Findings)
            return list(islice(_of_findings(findings), MAX_PASSAGES))
        file = record_file(root, kind, name)
        check_file(root, file)
        if kind == "attempts":
            found += islice(_of_attempt(read_stored(file, Attempt)), MAX_PASSAGES)
        elif reasons := read_stored(file, Grade).reasons:
            found.append(TextPassage(reasons, name="reasons"))
        if (folder / TRANSCRIPT_FILE).exists():
            check_file(root, folder / TRANSCRIPT_FILE)
            found += _of_transcript(tuple(read_transcript(folder / TRANSCRIPT_FILE)))
    except StoreError:
        pass
    return found[:MAX_PASSAGES]


def searchable(text: str) -> str:
    """A passage as the index splits it into words."""
    return _ALONE.sub(r" \1 ", text[:MAX_CHARACTERS].replace("\0", " "))


def match_expression(text: str) -> str:
    """What SQLite is asked for: all words of ``text``; those in double quotes in this order.

    Raises:
        UserError: there is no word.
    """
    asked = ['"' + searchable(phrase).replace('"', "") + '"' for phrase in searched_words(text)]
    if not asked:
        raise UserError(f"{text!r} has no word to search for.", hint="Try: diffkit search cake")
    return " AND ".join(asked)


def searched_words(text: str) -> list[str]:
    """The words and phrases of a search that have a letter or a digit."""
    found = [quoted or word for quoted, word in _ASKED.findall(text)]
    return [one for one in found if any(char.isalnum() for char in one)]


def excerpt(text: str, asked: str, *, width: int = 200) -> str:
    """The part of ``text`` around the first word of a search."""
    lowered = text.lower()
    places = [lowered.find(word.lower()) for word in searched_words(asked)]
    start = max(0, min((place for place in places if place >= 0), default=0) - width // 4)
    end = start + width
    return f"{'…' if start else ''}{text[start:end]}{'…' if end < len(text) else ''}"


def _of_findings(findings: Findings) -> Iterator[TextPassage]:
    for number, item in enumerate(findings.items):
        title = item.text if isinstance(item, Note) else item.title
        heading = title[:80]
        if not isinstance(item, Note):
            yield TextPassage(title, number, name=heading)
        for row, text in _rows(item):
            yield TextPassage(text, number, row, name=heading)


def _rows(item: Finding) -> Iterator[tuple[int | None, str]]:
    match item:
        case Samples():
            for number, row in enumerate(item.rows):
                yield number, "\n".join((row.prompt, row.base, row.finetuned))
        case Table():
            for number, cells in enumerate(item.rows):
                if text := "\n".join(cell for cell in cells if isinstance(cell, str)):
                    yield number, text
        case TokenTable():
            yield None, " ".join(row.token.strip() for row in item.rows)
        case TokenTrace():
            yield None, "".join(token.token for token in item.tokens)
        case Series():
            yield None, "\n".join(line.name for line in item.lines)
        case Note() | Figure():
            yield None, item.text


def _of_attempt(record: Attempt) -> Iterator[TextPassage]:
    if record.error:
        yield TextPassage(record.error, name="error")
    if record.verdict:
        yield from _of_verdict(record.verdict, "verdict")
    for guess in record.guesses:
        yield from _of_verdict(guess.verdict, "interim verdict")


def _of_verdict(verdict: Verdict, name: str) -> Iterator[TextPassage]:
    said = [verdict.claim or "", *(f"{one.prompt}\n{one.phrase}" for one in verdict.predictions)]
    if text := "\n".join(filter(None, said)):
        yield TextPassage(text, name=name)


def _of_transcript(events: Sequence[Event]) -> Iterator[TextPassage]:
    for number, turn in enumerate(turns(events)):
        if text := "\n".join(part.text for part in turn.parts):
            yield TextPassage(text, turn=number, name=turn.who)
