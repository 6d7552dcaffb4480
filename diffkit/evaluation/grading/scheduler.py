"""Schedules the grades of all attempts, and makes the entries of the evaluation.

Takes attempts, planned runs and the inputs of their arms. Gives one entry for each run, with the
digests of its attempts and grades.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from diffkit.context import Progress
from diffkit.errors import RunFailed
from diffkit.evaluation.attempts.arms import ArmInput
from diffkit.evaluation.calibration.nulls import DetectionTest
from diffkit.evaluation.concurrency import run_concurrently
from diffkit.evaluation.grading.answer_sheets import AnswerSheetBuilder
from diffkit.evaluation.grading.runner import (
    GradeRunner,
    GradingEnvironment,
    GradingEnvironmentFactory,
    can_grade,
)
from diffkit.evaluation.plan import ConfiguredPlugin, Plan
from diffkit.evaluation.planned_runs import AttemptId, AttemptsById, PlannedRun, RunId
from diffkit.evaluation.record import EvaluationEntry, GradedAttemptRef, GuessScore, read_grade
from diffkit.grader import AnswerSheet, Grader
from diffkit.investigator import UsageEstimate
from diffkit.verdict import Attempt, InterimVerdict, Outcome


@dataclass(frozen=True)
class GradeTask:
    """One grade to be made: an attempt and a grader."""

    arm_input: ArmInput
    attempt_id: AttemptId
    grader_index: int
    """Index of the grader in the plan."""


@dataclass
class GradingScheduler:
    """Makes all grades of a plan."""

    plan: Plan
    runner: GradeRunner
    answer_sheets: AnswerSheetBuilder
    environments: GradingEnvironmentFactory
    attempts: AttemptsById
    detection_test: DetectionTest
    workers: int = 1
    """Number of concurrent grades of graders that use language models."""
    confirm_cost: Callable[[Sequence[UsageEstimate | None]], None] = field(default=lambda _: None)
    """Called with the most that grades may use of language models, before any is made; raises to
    stop."""

    def run(
        self,
        planned_runs: Sequence[PlannedRun],
        arm_inputs: Iterable[ArmInput],
        progress: Progress,
    ) -> list[EvaluationEntry]:
        """Makes the grades; the entries of all planned runs, in their order."""
        tasks = self.tasks(arm_inputs)
        self._run_llm_graders(tasks, progress)
        graded: dict[RunId, list[GradedAttemptRef]] = {}
        for task in progress(tasks, label="grades", total=len(tasks)):
            graded.setdefault(task.attempt_id.run_id, []).append(self._graded_attempt(task))
        return [
            _entry(one, graded.get(one.run_id, []) if one.pair.role == "test" else [])
            for one in planned_runs
        ]

    @cached_property
    def graders(self) -> tuple[Grader[Any], ...]:
        """The graders of the plan."""
        return tuple(one.spec.load() for one in self.plan.graders)

    def tasks(self, arm_inputs: Iterable[ArmInput]) -> list[GradeTask]:
        """The grades of all attempts that were made with inputs of arms."""
        return [
            GradeTask(arm_input, attempt_id, grader_index)
            for arm_input in arm_inputs
            for attempt_id in self._attempt_ids(arm_input)
            for grader_index, grader in enumerate(self.graders)
            if can_grade(grader, arm_input)
        ]

    def _attempt_ids(self, arm_input: ArmInput) -> list[AttemptId]:
        """The attempts that were made with ``arm_input``."""
        possible = (
            AttemptId(arm_input.planned.run_id, arm_input.arm, index, repeat)
            for index in range(len(self.plan.investigators))
            for repeat in range(self.plan.suite.repeats)
        )
        return [attempt_id for attempt_id in possible if attempt_id in self.attempts]

    def _run_llm_graders(self, tasks: Sequence[GradeTask], progress: Progress) -> None:
        """Makes the missing grades of language models concurrently; the others take little time."""
        missing = {
            key: task
            for task in tasks
            if self._estimate(task) is not None and self.runner.is_missing(key := self.key(task))
        }
        self.confirm_cost([self._estimate(task) for task in missing.values()])
        made = run_concurrently(list(missing.values()), self._grade, self.workers)
        for _ in progress(made, label="language models' grades", total=len(missing)):
            pass

    def _graded_attempt(self, task: GradeTask) -> GradedAttemptRef:
        """The attempt with its grade; an error of the grader affects this grade only."""
        digest, error = self._grade(task)
        attempt_id, grader = task.attempt_id, self.plan.graders[task.grader_index]
        return GradedAttemptRef(
            investigator=self.plan.investigators[attempt_id.investigator_index].spec.name,
            grader=grader.spec.name,
            arm=attempt_id.arm,
            repeat=attempt_id.repeat,
            attempt=self.attempts[attempt_id].digest,
            grade=digest,
            error=error,
            detection=self.detection_test.test(task.arm_input.planned, attempt_id),
            curve=self._curve(task) if digest else (),
        )

    def _grade(self, task: GradeTask) -> tuple[str, str]:
        """Digest of the grade, and the error where there is no grade."""
        try:
            return self.runner.grade(self.attempts[task.attempt_id], *self._inputs(task)), ""
        except RunFailed as failure:
            return "", str(failure)

    def key(self, task: GradeTask) -> str:
        """The digest by which the store keeps the grade."""
        return self.runner.key(self.attempts[task.attempt_id], *self._inputs(task))

    def _inputs(self, task: GradeTask) -> tuple[AnswerSheet, ConfiguredPlugin, GradingEnvironment]:
        grader, attempt_id = self._grader(task), task.attempt_id
        index = attempt_id.investigator_index
        sheet = self.answer_sheets.build(task.arm_input.planned, attempt_id.arm, index)
        if "null_claims" not in grader.needs:
            sheet = sheet.model_copy(update={"null_claims": ()})
        environment = self.environments.build(task.arm_input, grader)
        return sheet, self.plan.graders[task.grader_index], environment

    def _curve(self, task: GradeTask) -> tuple[GuessScore, ...]:
        """Scores of the interim verdicts; empty for graders that use language models."""
        if self._estimate(task) is not None or not self._grader(task).grades_attempt:
            return ()
        attempt = self.attempts[task.attempt_id]
        return tuple(
            GuessScore(questions=one.questions, score=self._interim_score(task, attempt, one))
            for one in attempt.guesses
        )

    def _interim_score(self, task: GradeTask, attempt: Attempt, interim: InterimVerdict) -> float:
        ended = {"verdict": interim.verdict, "outcome": Outcome.VERDICT, "error": ""}
        digest = self.runner.grade(attempt.model_copy(update=ended), *self._inputs(task))
        return read_grade(self.runner.store, digest).score

    def _grader(self, task: GradeTask) -> Grader[Any]:
        return self.graders[task.grader_index]

    def _estimate(self, task: GradeTask) -> UsageEstimate | None:
        config = self.plan.graders[task.grader_index].config
        return self._grader(task).estimate(config)


def _entry(planned: PlannedRun, graded: Sequence[GradedAttemptRef]) -> EvaluationEntry:
    selected = planned.pair.selected
    return EvaluationEntry(
        organism=selected.organism.name,
        family=selected.organism.family,
        truth=selected.organism.truth,
        answer=planned.answer,
        lexical=selected.organism.lexical,
        base=selected.base.name,
        variant=selected.variant,
        role=planned.pair.role,
        method=planned.method.spec.name,
        seed=planned.seed,
        run=planned.digest,
        from_table=planned.calibration_row is not None,
        error=planned.error,
        judged=tuple(graded),
    )
