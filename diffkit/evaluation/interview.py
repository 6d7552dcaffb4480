"""Asks investigators: those without a language model one by one, the others side by side."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

from diffkit.case import Case
from diffkit.context import Progress
from diffkit.evaluation.attempts import Asking, Seat, read_attempt
from diffkit.evaluation.cases import Cases, Sitting
from diffkit.evaluation.cells import Key
from diffkit.evaluation.plan import Component, Plan
from diffkit.evaluation.record import Arm
from diffkit.evaluation.seats import Seats
from diffkit.evaluation.sittings import Sittings
from diffkit.evaluation.workers import concurrently
from diffkit.investigator import Estimate, Investigator
from diffkit.verdict import Attempt


class Place(NamedTuple):
    """Where an attempt stands in an evaluation."""

    cell: Key
    arm: Arm
    reader: int
    """Number of the investigator in the plan."""
    repeat: int


Said = Mapping[Place, Attempt]


@dataclass(frozen=True)
class Task:
    """One attempt to be made."""

    sitting: Sitting
    reader: int
    repeat: int

    @property
    def place(self) -> Place:
        """Where the attempt stands."""
        return Place(self.sitting.cell.key, self.sitting.arm, self.reader, self.repeat)


@dataclass
class Interview:
    """The investigators of a plan, and what they are given."""

    plan: Plan
    cases: Cases
    seats: Seats
    ask: Asking
    workers: int = 1
    """Attempts side by side, of investigators whose verdicts vary."""
    agree: Callable[[Sequence[Estimate | None]], None] = field(default=lambda _: None)
    """Given what attempts, and grades of them, may use of language models, before any is made;
    raises to stop."""

    def __call__(self, sittings: Sittings, progress: Progress) -> Said:
        """All attempts: at the cells under test, and at the calibration nulls."""
        tasks = [*self._tasks(sittings.tests()), *self._null_tasks(sittings)]
        plain = [task for task in tasks if not self.readers[task.reader].varies]
        costly = [task for task in tasks if self.readers[task.reader].varies]
        missing, keys = self._look(costly, progress)
        self.agree([one for task in missing for one in self._estimates(task)])
        said = {
            task.place: self._put(task)
            for task in progress(plain, label="verdicts", total=len(plain))
        }
        made = concurrently(missing, self._put, self.workers)
        for _ in progress(made, label="attempts", total=len(missing)):
            pass
        return said | {place: read_attempt(self.ask.store, key) for place, key in keys.items()}

    @cached_property
    def readers(self) -> tuple[Investigator[Any], ...]:
        """The investigators of the plan."""
        return tuple(one.spec.load() for one in self.plan.investigators)

    def _tasks(self, sittings: Iterator[Sitting]) -> Iterator[Task]:
        for sitting in sittings:
            for number, reader in enumerate(self.readers):
                if sitting.arm == ("base-only" if "models" in reader.needs else "blackbox"):
                    continue  # who asks can ask the base; who does not has nothing in a black box
                for repeat in range(self.plan.suite.repeats if reader.varies else 1):
                    yield Task(sitting, number, repeat)

    def _null_tasks(self, sittings: Sittings) -> Iterator[Task]:
        """What graders and calibration hold the rest against."""
        yield from self._tasks(sittings.nulls())

    def _look(
        self, tasks: Sequence[Task], progress: Progress
    ) -> tuple[list[Task], dict[Place, str]]:
        """The tasks whose attempts are missing, each once, and the keys of all."""
        keys: dict[Place, str] = {}
        missing: dict[str, Task] = {}
        for task in progress(tasks, label="cases", total=len(tasks)):
            case, seat = self._case(task)
            key = keys[task.place] = self.ask.key(case, self._component(task), seat)
            if key not in missing and self.ask.missing(key):
                missing[key] = task
        return list(missing.values()), keys

    def _case(self, task: Task) -> tuple[Case | None, Seat]:
        reader = self.readers[task.reader]
        case = self.cases(task.sitting, reader)
        return case, self.seats(task.sitting, case, reader.needs, task.repeat)

    def _put(self, task: Task) -> Attempt:
        case, seat = self._case(task)
        return self.ask(case, self._component(task), seat)

    def _component(self, task: Task) -> Component:
        return self.plan.investigators[task.reader]

    @cached_property
    def _of_grades(self) -> tuple[Estimate | None, ...]:
        """The most that each grader may use for one grade."""
        return tuple(one.spec.load().estimate(one.config) for one in self.plan.graders)

    def _estimates(self, task: Task) -> Iterator[Estimate | None]:
        """The most that an attempt and the grades of it may use; nulls are not graded."""
        yield self.readers[task.reader].estimate(self._component(task).config)
        if task.sitting.cell.pair.role == "test":
            yield from self._of_grades
