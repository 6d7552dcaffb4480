"""Attempts and grades as HTML, turn by turn: a page of one, and those below a leaderboard."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from diffkit.evaluation.leaderboard.cases import METHOD_INDEPENDENT_ARMS, AttemptWithGrades
from diffkit.evaluation.leaderboard.schema import Leaderboard
from diffkit.evaluation.record import StoredTranscript, TranscriptKind
from diffkit.grader import Grade
from diffkit.plain_text import formatting
from diffkit.render import attempt_fields, labels
from diffkit.render.html.environment import environment
from diffkit.render.transcript_turns import Turn, turns
from diffkit.verdict import Attempt

ReadTranscript = Callable[[TranscriptKind, str], StoredTranscript | None]
"""Gives what the store holds by its digest; none where that cannot be read."""

MAX_CHARACTERS = 3_000_000
"""Characters of transcripts below one leaderboard."""

MAX_TEXT = 1500
"""Characters of one text there."""

_MARKUP = 300
"""Characters of markup around a turn, roughly."""


def attempt_page(transcript: StoredTranscript) -> str:
    """The page of one attempt or grade, every text in full."""
    page = environment().get_template("attempt.html.j2")
    return page.render(transcript=transcript, turns=turns(transcript.events))


@dataclass(frozen=True)
class EmbeddedAttempt:
    """An attempt below a leaderboard."""

    anchor: str
    behind: AttemptWithGrades
    given: str
    """What the investigator was given."""
    aside: str
    transcript: StoredTranscript | None
    """None where it was left out."""
    turns: tuple[Turn, ...]
    limit: int = MAX_TEXT


def embed_attempts(
    attempts: Sequence[AttemptWithGrades], read: ReadTranscript, *, budget: int = MAX_CHARACTERS
) -> list[EmbeddedAttempt]:
    """As many of ``attempts`` as fit, in their order; the others by name alone.

    Args:
        attempts: in the order to be shown.
        read: reads an attempt, or a grade.
        budget: characters, after which no further attempt is read.
    """
    found = []
    for number, one in enumerate(attempts):
        transcript = read("attempts", one.digest) if budget > 0 else None
        said = turns(transcript.events) if transcript else ()
        budget -= sum(_size(turn) for turn in said)
        aside = _details(one, transcript, read)
        found.append(
            EmbeddedAttempt(f"attempt-{number}", one, _input_label(one), aside, transcript, said)
        )
    return found


def group_by_pair(
    attempts: Iterable[EmbeddedAttempt], leaderboard: Leaderboard
) -> dict[str, list[EmbeddedAttempt]]:
    """Attempts by the label of their pair."""
    labels = {(pair.organism, pair.run): pair.label for pair in leaderboard.pairs}
    groups: dict[str, list[EmbeddedAttempt]] = {}
    for one in attempts:
        entry = one.behind.entry
        label = labels.get((entry.organism, entry.run), entry.organism)
        groups.setdefault(label, []).append(one)
    return groups


def group_by_row(
    attempts: Iterable[EmbeddedAttempt],
) -> dict[tuple[str, str, str, str], list[EmbeddedAttempt]]:
    """Attempts at a method's findings by organism, method, investigator and run."""
    rows: dict[tuple[str, str, str, str], list[EmbeddedAttempt]] = {}
    for one in attempts:
        if one.behind.first.arm == "method":
            entry = one.behind.entry
            key = (entry.organism, entry.method, one.behind.first.investigator, entry.run)
            rows.setdefault(key, []).append(one)
    return rows


def _size(turn: Turn) -> int:
    return _MARKUP + sum(min(len(part.text), MAX_TEXT) for part in turn.parts)


def _input_label(one: AttemptWithGrades) -> str:
    arm = one.first.arm
    if arm in METHOD_INDEPENDENT_ARMS:
        return labels.ARMS[arm]
    return one.entry.method if arm == "method" else f"{labels.ARMS[arm]} ({one.entry.method})"


def _details(
    one: AttemptWithGrades, transcript: StoredTranscript | None, read: ReadTranscript
) -> str:
    repeat = one.first.repeat
    parts = [f"seed {one.entry.seed}", *([f"repeat {repeat}"] if repeat else [])]
    if transcript and isinstance(transcript.record, Attempt):
        verdict = transcript.record.verdict
        parts.append(f"said {verdict.change}" if verdict else transcript.record.outcome.value)
        if transcript.record.usage:
            parts.append(
                f"cost {attempt_fields.money(attempt_fields.cost(transcript.record.usage))}"
            )
        parts += _scores(one, read)
    return " · ".join(parts)


def _scores(one: AttemptWithGrades, read: ReadTranscript) -> Iterator[str]:
    for ref in one.refs:
        grade = read("grades", ref.grade) if ref.grade else None
        if grade and isinstance(grade.record, Grade):
            yield f"{ref.grader} {formatting.number(grade.record.score)}"
