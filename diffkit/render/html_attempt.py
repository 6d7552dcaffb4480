"""Attempts and grades as HTML, turn by turn: a page of one, and those below a leaderboard."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from diffkit.evaluation.behind import SHARED, Behind
from diffkit.evaluation.leaderboard import Leaderboard
from diffkit.evaluation.told import Told, ToldKind
from diffkit.grader import Grade
from diffkit.render import terms, verdicts, words
from diffkit.render.environment import environment
from diffkit.render.turns import Turn, turns
from diffkit.verdict import Attempt

Read = Callable[[ToldKind, str], Told | None]
"""Gives what the store holds by its digest; none where that cannot be read."""
BUDGET = 3_000_000
"""Characters of transcripts below one leaderboard."""
LIMIT = 1500
"""Characters of one text there."""
_MARKUP = 300
"""Characters of markup around a turn, roughly."""


def told_page(told: Told) -> str:
    """The page of one attempt or grade, every text in full."""
    page = environment().get_template("attempt.html.j2")
    return page.render(told=told, turns=turns(told.events))


@dataclass(frozen=True)
class Shown:
    """An attempt below a leaderboard."""

    anchor: str
    behind: Behind
    given: str
    """What the investigator was given."""
    aside: str
    told: Told | None
    """None where it was left out."""
    turns: tuple[Turn, ...]
    limit: int = LIMIT


def shown(attempts: Sequence[Behind], read: Read, *, budget: int = BUDGET) -> list[Shown]:
    """As many of ``attempts`` as fit, in their order; the others by name alone.

    Args:
        attempts: in the order to be shown.
        read: reads an attempt, or a grade.
        budget: characters, after which no further attempt is read.
    """
    found = []
    for number, one in enumerate(attempts):
        told = read("attempts", one.digest) if budget > 0 else None
        said = turns(told.events) if told else ()
        budget -= sum(_size(turn) for turn in said)
        aside = _aside(one, told, read)
        found.append(Shown(f"attempt-{number}", one, _given(one), aside, told, said))
    return found


def by_pair(attempts: Iterable[Shown], leaderboard: Leaderboard) -> dict[str, list[Shown]]:
    """Attempts by the label of their pair."""
    labels = {(pair.organism, pair.run): pair.label for pair in leaderboard.pairs}
    groups: dict[str, list[Shown]] = {}
    for one in attempts:
        entry = one.behind.entry
        label = labels.get((entry.organism, entry.run), entry.organism)
        groups.setdefault(label, []).append(one)
    return groups


def by_row(attempts: Iterable[Shown]) -> dict[tuple[str, str, str, str], list[Shown]]:
    """Attempts at a method's findings by organism, method, investigator and run."""
    rows: dict[tuple[str, str, str, str], list[Shown]] = {}
    for one in attempts:
        if one.behind.first.arm == "method":
            entry = one.behind.entry
            key = (entry.organism, entry.method, one.behind.first.investigator, entry.run)
            rows.setdefault(key, []).append(one)
    return rows


def _size(turn: Turn) -> int:
    return _MARKUP + sum(min(len(part.text), LIMIT) for part in turn.parts)


def _given(one: Behind) -> str:
    arm = one.first.arm
    if arm in SHARED:
        return terms.ARMS[arm]
    return one.entry.method if arm == "method" else f"{terms.ARMS[arm]} ({one.entry.method})"


def _aside(one: Behind, told: Told | None, read: Read) -> str:
    repeat = one.first.repeat
    parts = [f"seed {one.entry.seed}", *([f"repeat {repeat}"] if repeat else [])]
    if told and isinstance(told.record, Attempt):
        verdict = told.record.verdict
        parts.append(f"said {verdict.change}" if verdict else told.record.outcome.value)
        if told.record.usage:
            parts.append(f"cost {verdicts.money(verdicts.cost(told.record.usage))}")
        parts += _scores(one, read)
    return " · ".join(parts)


def _scores(one: Behind, read: Read) -> Iterator[str]:
    for judged in one.judged:
        grade = read("grades", judged.grade) if judged.grade else None
        if grade and isinstance(grade.record, Grade):
            yield f"{judged.grader} {words.number(grade.record.score)}"
