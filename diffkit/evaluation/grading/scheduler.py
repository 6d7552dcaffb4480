"""Schedules grades of all attempts, and makes the entries of the evaluation."""

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
from diffkit.evaluation.grading.environment import (
    GradingEnvironment,
    GradingEnvironmentFactory,
    can_grade,
)
from diffkit.evaluation.grading.runner import GradeRunner
from diffkit.evaluation.plan import ConfiguredPlugin, Plan
from diffkit.evaluation.planned_runs import AttemptId, AttemptsById, PlannedRun, RunId
from diffkit.evaluation.record import EvaluationEntry, GradedAttemptRef, GuessScore
from diffkit.evaluation.results import read_grade
from diffkit.grader import AnswerSheet, Grader
from diffkit.investigator import UsageEstimate
from diffkit.verdict import Attempt, InterimVerdict, Outcome


@dataclass(frozen=True)
class GradeTask:
    """One attempt before one grader."""

    sitting: ArmInput
    place: AttemptId
    grader: int
    """Number of the grader in the plan."""


@dataclass
class GradingScheduler:
    """Grades what was said of each cell."""

    plan: Plan
    mark: GradeRunner
    papers: AnswerSheetBuilder
    desks: GradingEnvironmentFactory
    said: AttemptsById
    calibration: DetectionTest
    workers: int = 1
    """Grades side by side, of graders that ask language models."""
    agree: Callable[[Sequence[UsageEstimate | None]], None] = field(default=lambda _: None)
    """Given what grades may use of language models, before any is made; raises to stop."""

    def __call__(
        self, cells: Sequence[PlannedRun], sittings: Iterable[ArmInput], progress: Progress
    ) -> list[EvaluationEntry]:
        """The record of each cell, with what was said of it graded."""
        scripts = self._scripts(sittings)
        self._ask_models(scripts, progress)
        judged: dict[RunId, list[GradedAttemptRef]] = {}
        for script in progress(scripts, label="grades", total=len(scripts)):
            judged.setdefault(script.place.cell, []).append(self._judge(script))
        return [
            _entry(cell, tuple(judged.get(cell.key, ())) if cell.pair.role == "test" else ())
            for cell in cells
        ]

    @cached_property
    def graders(self) -> tuple[Grader[Any], ...]:
        """The graders of the plan."""
        return tuple(one.spec.load() for one in self.plan.graders)

    def _scripts(self, sittings: Iterable[ArmInput]) -> list[GradeTask]:
        numbers = range(len(self.plan.investigators))
        places = [
            (sitting, place)
            for sitting in sittings
            for reader in numbers
            for repeat in range(self.plan.suite.repeats)
            if (place := AttemptId(sitting.cell.key, sitting.arm, reader, repeat)) in self.said
        ]
        return [
            GradeTask(sitting, place, grader)
            for sitting, place in places
            for grader, marker in enumerate(self.graders)
            if can_grade(marker, sitting)
        ]

    def _ask_models(self, scripts: Sequence[GradeTask], progress: Progress) -> None:
        """Makes the missing grades of language models side by side; the rest is quick."""
        missing = {
            key: script
            for script in scripts
            if self._estimate(script) is not None and self.mark.missing(key := self._key(script))
        }
        self.agree([self._estimate(script) for script in missing.values()])
        work = run_concurrently(list(missing.values()), self._mark, self.workers)
        for _ in progress(work, label="language models' grades", total=len(missing)):
            pass

    def _judge(self, script: GradeTask) -> GradedAttemptRef:
        """One grade; a grader that raises costs that grade alone."""
        digest, error = self._mark(script)
        place, grader = script.place, self.plan.graders[script.grader]
        return GradedAttemptRef(
            investigator=self.plan.investigators[place.reader].spec.name,
            grader=grader.spec.name,
            arm=place.arm,
            repeat=place.repeat,
            attempt=self.said[place].digest,
            grade=digest,
            error=error,
            detection=self.calibration.test(script.sitting.cell, place),
            curve=self._curve(script) if digest else (),
        )

    def _mark(self, script: GradeTask) -> tuple[str, str]:
        """Digest of the grade, and why there is none."""
        try:
            return self.mark(self.said[script.place], *self._with(script)), ""
        except RunFailed as failure:
            return "", str(failure)

    def _key(self, script: GradeTask) -> str:
        return self.mark.key(self.said[script.place], *self._with(script))

    def _with(self, script: GradeTask) -> tuple[AnswerSheet, ConfiguredPlugin, GradingEnvironment]:
        paper = self.papers(script.sitting.cell, script.place.arm, script.place.reader)
        if "null_claims" not in self._grader(script).needs:
            paper = paper.model_copy(update={"null_claims": ()})
        desk = self.desks(script.sitting, self._grader(script))
        return paper, self.plan.graders[script.grader], desk

    def _curve(self, script: GradeTask) -> tuple[GuessScore, ...]:
        """What the guesses on the way were worth, where that costs no language model."""
        if self._estimate(script) is not None or not self._grader(script).grades_attempt:
            return ()
        made = self.said[script.place]
        return tuple(
            GuessScore(
                questions=guess.questions, score=self._score(script, _with_verdict(made, guess))
            )
            for guess in made.guesses
        )

    def _score(self, script: GradeTask, guessed: Attempt) -> float:
        return read_grade(self.mark.store, self.mark(guessed, *self._with(script))).score

    def _grader(self, script: GradeTask) -> Grader[Any]:
        return self.graders[script.grader]

    def _estimate(self, script: GradeTask) -> UsageEstimate | None:
        config = self.plan.graders[script.grader].config
        return self._grader(script).estimate(config)


def _with_verdict(made: Attempt, guess: InterimVerdict) -> Attempt:
    changed = {"verdict": guess.verdict, "outcome": Outcome.VERDICT, "error": ""}
    return made.model_copy(update=changed)


def _entry(cell: PlannedRun, judged: tuple[GradedAttemptRef, ...]) -> EvaluationEntry:
    one = cell.pair.selected
    return EvaluationEntry(
        organism=one.organism.name,
        family=one.organism.family,
        truth=one.organism.truth,
        answer=cell.answer,
        lexical=one.organism.lexical,
        base=one.base.name,
        variant=one.variant,
        role=cell.pair.role,
        method=cell.method.spec.name,
        seed=cell.seed,
        run=cell.digest,
        from_table=cell.known is not None,
        error=cell.error,
        judged=judged,
    )
