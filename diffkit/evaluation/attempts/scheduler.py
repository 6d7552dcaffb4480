"""Schedules attempts: those without a language model in sequence, the others concurrently."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from diffkit.case import Case
from diffkit.context import Progress
from diffkit.evaluation.attempts.arms import ArmInput, ArmInputs
from diffkit.evaluation.attempts.cases import CaseBuilder
from diffkit.evaluation.attempts.environment import AttemptEnvironment, AttemptEnvironmentFactory
from diffkit.evaluation.attempts.runner import AttemptRunner
from diffkit.evaluation.concurrency import run_concurrently
from diffkit.evaluation.plan import ConfiguredPlugin, Plan
from diffkit.evaluation.planned_runs import AttemptId, AttemptsById
from diffkit.evaluation.results import read_attempt
from diffkit.investigator import Investigator, UsageEstimate
from diffkit.verdict import Attempt


@dataclass(frozen=True)
class AttemptTask:
    """One attempt to be made."""

    sitting: ArmInput
    reader: int
    repeat: int

    @property
    def place(self) -> AttemptId:
        """Where the attempt stands."""
        return AttemptId(self.sitting.cell.key, self.sitting.arm, self.reader, self.repeat)


@dataclass
class AttemptScheduler:
    """The investigators of a plan, and what they are given."""

    plan: Plan
    cases: CaseBuilder
    seats: AttemptEnvironmentFactory
    ask: AttemptRunner
    workers: int = 1
    """Attempts side by side, of investigators whose verdicts vary."""
    agree: Callable[[Sequence[UsageEstimate | None]], None] = field(default=lambda _: None)
    """Given what attempts, and grades of them, may use of language models, before any is made;
    raises to stop."""

    def __call__(self, sittings: ArmInputs, progress: Progress) -> AttemptsById:
        """All attempts: at the cells under test, and at the calibration nulls."""
        tasks = [*self._tasks(sittings.tests()), *self._null_tasks(sittings)]
        plain = [task for task in tasks if not self.readers[task.reader].stochastic]
        costly = [task for task in tasks if self.readers[task.reader].stochastic]
        missing, keys = self._look(costly, progress)
        self.agree([one for task in missing for one in self._estimates(task)])
        said = {
            task.place: self._put(task)
            for task in progress(plain, label="verdicts", total=len(plain))
        }
        made = run_concurrently(missing, self._put, self.workers)
        for _ in progress(made, label="attempts", total=len(missing)):
            pass
        return said | {place: read_attempt(self.ask.store, key) for place, key in keys.items()}

    @cached_property
    def readers(self) -> tuple[Investigator[Any], ...]:
        """The investigators of the plan."""
        return tuple(one.spec.load() for one in self.plan.investigators)

    def _tasks(self, sittings: Iterator[ArmInput]) -> Iterator[AttemptTask]:
        for sitting in sittings:
            for number, reader in enumerate(self.readers):
                if sitting.arm == ("base-only" if "models" in reader.needs else "blackbox"):
                    continue  # who asks can ask the base; who does not has nothing in a black box
                for repeat in range(self.plan.suite.repeats if reader.stochastic else 1):
                    yield AttemptTask(sitting, number, repeat)

    def _null_tasks(self, sittings: ArmInputs) -> Iterator[AttemptTask]:
        """What graders and calibration hold the rest against."""
        yield from self._tasks(sittings.nulls())

    def _look(
        self, tasks: Sequence[AttemptTask], progress: Progress
    ) -> tuple[list[AttemptTask], dict[AttemptId, str]]:
        """The tasks whose attempts are missing, each once, and the keys of all."""
        keys: dict[AttemptId, str] = {}
        missing: dict[str, AttemptTask] = {}
        for task in progress(tasks, label="cases", total=len(tasks)):
            case, seat = self._case(task)
            key = keys[task.place] = self.ask.key(case, self._component(task), seat)
            if key not in missing and self.ask.missing(key):
                missing[key] = task
        return list(missing.values()), keys

    def _case(self, task: AttemptTask) -> tuple[Case | None, AttemptEnvironment]:
        reader = self.readers[task.reader]
        case = self.cases(task.sitting, reader)
        return case, self.seats(task.sitting, case, reader.needs, task.repeat)

    def _put(self, task: AttemptTask) -> Attempt:
        case, seat = self._case(task)
        return self.ask(case, self._component(task), seat)

    def _component(self, task: AttemptTask) -> ConfiguredPlugin:
        return self.plan.investigators[task.reader]

    @cached_property
    def _of_grades(self) -> tuple[UsageEstimate | None, ...]:
        """The most that each grader may use for one grade."""
        return tuple(one.spec.load().estimate(one.config) for one in self.plan.graders)

    def _estimates(self, task: AttemptTask) -> Iterator[UsageEstimate | None]:
        """The most that an attempt and the grades of it may use; nulls are not graded."""
        yield self.readers[task.reader].estimate(self._component(task).config)
        if task.sitting.cell.pair.role == "test":
            yield from self._of_grades
