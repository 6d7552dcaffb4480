"""Schedules attempts: those without a language model in sequence, the others concurrently.

Takes the inputs of all arms. Gives one attempt for each input, investigator and repeat.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from diffkit.case import Case
from diffkit.context import Progress
from diffkit.evaluation.attempts.arms import ArmInput, ArmInputs
from diffkit.evaluation.attempts.cases import CaseBuilder
from diffkit.evaluation.attempts.runner import (
    AttemptEnvironment,
    AttemptEnvironmentFactory,
    AttemptRunner,
)
from diffkit.evaluation.concurrency import run_concurrently
from diffkit.evaluation.plan import ConfiguredPlugin, Plan
from diffkit.evaluation.planned_runs import AttemptId, AttemptsById
from diffkit.evaluation.record import read_attempt
from diffkit.investigator import Investigator, UsageEstimate
from diffkit.verdict import Attempt


@dataclass(frozen=True)
class AttemptTask:
    """One attempt to be made."""

    arm_input: ArmInput
    investigator_index: int
    repeat: int

    @property
    def attempt_id(self) -> AttemptId:
        """Identifies the attempt within the evaluation."""
        run_id, arm = self.arm_input.planned.run_id, self.arm_input.arm
        return AttemptId(run_id, arm, self.investigator_index, self.repeat)


@dataclass
class AttemptScheduler:
    """Makes all attempts of a plan."""

    plan: Plan
    cases: CaseBuilder
    environments: AttemptEnvironmentFactory
    runner: AttemptRunner
    workers: int = 1
    """Number of concurrent attempts of stochastic investigators."""
    confirm_cost: Callable[[Sequence[UsageEstimate | None]], None] = field(default=lambda _: None)
    """Called with the most that attempts and their grades may use of language models, before any is
    made; raises to stop."""

    def run(self, arm_inputs: ArmInputs, progress: Progress) -> AttemptsById:
        """Makes the attempts at runs under test and at calibration nulls."""
        tasks = [*self.tasks(arm_inputs.tests()), *self.tasks(arm_inputs.nulls())]
        deterministic = [task for task in tasks if not self._investigator(task).stochastic]
        stochastic = [task for task in tasks if self._investigator(task).stochastic]
        missing, keys = self._find_missing(stochastic, progress)
        self.confirm_cost([one for task in missing for one in self._estimates(task)])
        attempts = {
            task.attempt_id: self._attempt(task)
            for task in progress(deterministic, label="verdicts", total=len(deterministic))
        }
        made = run_concurrently(missing, self._attempt, self.workers)
        for _ in progress(made, label="attempts", total=len(missing)):
            pass
        store = self.runner.store
        return attempts | {one: read_attempt(store, key) for one, key in keys.items()}

    @cached_property
    def investigators(self) -> tuple[Investigator[Any], ...]:
        """The investigators of the plan."""
        return tuple(one.spec.load() for one in self.plan.investigators)

    def tasks(self, arm_inputs: Iterable[ArmInput]) -> Iterator[AttemptTask]:
        """The attempts that inputs of arms ask for."""
        for arm_input in arm_inputs:
            for index, investigator in enumerate(self.investigators):
                # investigators that query models can query the base; the others have no black box
                left_out = "base-only" if "models" in investigator.needs else "blackbox"
                if arm_input.arm == left_out:
                    continue
                for repeat in range(self.plan.suite.repeats if investigator.stochastic else 1):
                    yield AttemptTask(arm_input, index, repeat)

    def _find_missing(
        self, tasks: Sequence[AttemptTask], progress: Progress
    ) -> tuple[list[AttemptTask], dict[AttemptId, str]]:
        """The tasks whose attempts are missing, each key once, and the keys of all tasks."""
        keys: dict[AttemptId, str] = {}
        missing: dict[str, AttemptTask] = {}
        for task in progress(tasks, label="cases", total=len(tasks)):
            case, environment = self.prepare(task)
            key = keys[task.attempt_id] = self.runner.key(case, self._plugin(task), environment)
            if key not in missing and self.runner.is_missing(key):
                missing[key] = task
        return list(missing.values()), keys

    def prepare(self, task: AttemptTask) -> tuple[Case | None, AttemptEnvironment]:
        """What the investigator is given, and what it may query."""
        investigator = self._investigator(task)
        case = self.cases.build(task.arm_input, investigator)
        needs, repeat = investigator.needs, task.repeat
        return case, self.environments.build(task.arm_input, case, needs, repeat)

    def _attempt(self, task: AttemptTask) -> Attempt:
        case, environment = self.prepare(task)
        return self.runner.run(case, self._plugin(task), environment)

    def _investigator(self, task: AttemptTask) -> Investigator[Any]:
        return self.investigators[task.investigator_index]

    def _plugin(self, task: AttemptTask) -> ConfiguredPlugin:
        return self.plan.investigators[task.investigator_index]

    @cached_property
    def _grade_estimates(self) -> tuple[UsageEstimate | None, ...]:
        """The most that each grader may use for one grade."""
        return tuple(one.spec.load().estimate(one.config) for one in self.plan.graders)

    def _estimates(self, task: AttemptTask) -> Iterator[UsageEstimate | None]:
        """The most that an attempt and its grades may use; attempts at nulls are not graded."""
        yield self._investigator(task).estimate(self._plugin(task).config)
        if task.arm_input.planned.pair.role == "test":
            yield from self._grade_estimates
