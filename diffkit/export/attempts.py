"""The attempts of an evaluation with their transcripts and grades, ready to be exported."""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from diffkit.chat.transcript import TRANSCRIPT_FILE, Event, read_transcript
from diffkit.errors import StoreError
from diffkit.evaluation.leaderboard.cases import (
    METHOD_INDEPENDENT_ARMS,
    AttemptWithGrades,
    attempts_of,
)
from diffkit.evaluation.record import Evaluation, read_attempt, read_grade
from diffkit.grader import Grade
from diffkit.runs.store import Store
from diffkit.verdict import Attempt

log = logging.getLogger("diffkit.export")


@dataclass(frozen=True)
class ExportedAttempt:
    """An attempt at a pair."""

    behind: AttemptWithGrades
    attempt: Attempt
    events: tuple[Event, ...]
    """Empty where no language model was asked, or its transcript is damaged."""
    grades: Mapping[str, Grade | None]
    """By grader; none where it failed."""

    @property
    def pair(self) -> str:
        """Organism, variant, base and seed."""
        entry = self.behind.entry
        return f"{entry.organism}/{entry.variant}/{entry.base}/{entry.seed}"

    @property
    def method(self) -> str:
        """The method whose findings it depends on; empty in arms that depend on none."""
        return "" if self.behind.first.arm in METHOD_INDEPENDENT_ARMS else self.behind.entry.method


def exported_attempts(evaluation: Evaluation, store: Store) -> Iterator[ExportedAttempt]:
    """All attempts of an evaluation, in its order.

    Raises:
        StoreError: an attempt or a grade is gone, or damaged.
    """
    for one in attempts_of(evaluation):
        attempt, events = read_attempt(store, one.digest), _events(one, store)
        yield ExportedAttempt(one, attempt, events, dict(_grades(one, store)))


def _events(one: AttemptWithGrades, store: Store) -> tuple[Event, ...]:
    try:
        return tuple(read_transcript(store.place("attempts", one.digest) / TRANSCRIPT_FILE))
    except StoreError as error:
        log.warning("%s Its sample has no messages.", error.what)
        return ()


def _grades(one: AttemptWithGrades, store: Store) -> Iterator[tuple[str, Grade | None]]:
    for ref in one.refs:
        yield ref.grader, read_grade(store, ref.grade) if ref.grade else None
