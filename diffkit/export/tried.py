"""What an export is made of: attempts at pairs, with transcripts and grades."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from diffkit.evaluation.behind import SHARED, Behind, behind
from diffkit.evaluation.record import Evaluation
from diffkit.evaluation.told import read_told
from diffkit.grader import Grade
from diffkit.runs.files import read_stored
from diffkit.runs.store import Store
from diffkit.transcript import Event
from diffkit.verdict import Attempt


@dataclass(frozen=True)
class Tried:
    """An attempt at a pair."""

    behind: Behind
    attempt: Attempt
    events: tuple[Event, ...]
    grades: Mapping[str, Grade | None]
    """By grader; none where it failed."""

    @property
    def pair(self) -> str:
        """Organism, variant, base and seed."""
        entry = self.behind.entry
        return f"{entry.organism}/{entry.variant}/{entry.base}/{entry.seed}"

    @property
    def method(self) -> str:
        """Whose findings it hangs on; empty in arms that hang on none."""
        return "" if self.behind.first.arm in SHARED else self.behind.entry.method


def tried(evaluation: Evaluation, store: Store) -> Iterator[Tried]:
    """All attempts of an evaluation, in its order.

    Raises:
        StoreError: an attempt, a transcript or a grade is gone, or damaged.
    """
    for one in behind(evaluation):
        told = read_told(store, "attempts", one.digest)
        if isinstance(told.record, Attempt):
            yield Tried(one, told.record, told.events, dict(_grades(one, store)))


def _grades(one: Behind, store: Store) -> Iterator[tuple[str, Grade | None]]:
    for judged in one.judged:
        path = store.place("grades", judged.grade) / "grade.json"
        yield judged.grader, read_stored(path, Grade) if judged.grade else None
