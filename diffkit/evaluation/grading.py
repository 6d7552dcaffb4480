"""Grades what was said of the cells of an evaluation, and makes their entries."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from diffkit.context import Progress
from diffkit.errors import RunFailed
from diffkit.evaluation.cases import Sitting
from diffkit.evaluation.cells import Cell, Key
from diffkit.evaluation.desks import Desks, graded_by
from diffkit.evaluation.detection import Calibration
from diffkit.evaluation.grades import Desk, Marking, read_grade
from diffkit.evaluation.interview import Place, Said
from diffkit.evaluation.papers import Papers
from diffkit.evaluation.plan import Component, Plan
from diffkit.evaluation.record import Entry, Judged, Scored
from diffkit.evaluation.workers import concurrently
from diffkit.grader import Exam, Grader
from diffkit.investigator import Estimate
from diffkit.verdict import Attempt, Guess, Outcome


@dataclass(frozen=True)
class Script:
    """One attempt before one grader."""

    sitting: Sitting
    place: Place
    grader: int
    """Number of the grader in the plan."""


@dataclass
class Grading:
    """Grades what was said of each cell."""

    plan: Plan
    mark: Marking
    papers: Papers
    desks: Desks
    said: Said
    calibration: Calibration
    workers: int = 1
    """Grades side by side, of graders that ask language models."""
    agree: Callable[[Sequence[Estimate | None]], None] = field(default=lambda _: None)
    """Given what grades may use of language models, before any is made; raises to stop."""

    def __call__(
        self, cells: Sequence[Cell], sittings: Iterable[Sitting], progress: Progress
    ) -> list[Entry]:
        """The record of each cell, with what was said of it graded."""
        scripts = self._scripts(sittings)
        self._ask_models(scripts, progress)
        judged: dict[Key, list[Judged]] = {}
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

    def _scripts(self, sittings: Iterable[Sitting]) -> list[Script]:
        numbers = range(len(self.plan.investigators))
        places = [
            (sitting, place)
            for sitting in sittings
            for reader in numbers
            for repeat in range(self.plan.suite.repeats)
            if (place := Place(sitting.cell.key, sitting.arm, reader, repeat)) in self.said
        ]
        return [
            Script(sitting, place, grader)
            for sitting, place in places
            for grader, marker in enumerate(self.graders)
            if graded_by(marker, sitting)
        ]

    def _ask_models(self, scripts: Sequence[Script], progress: Progress) -> None:
        """Makes the missing grades of language models side by side; the rest is quick."""
        missing = {
            key: script
            for script in scripts
            if self._estimate(script) is not None and self.mark.missing(key := self._key(script))
        }
        self.agree([self._estimate(script) for script in missing.values()])
        work = concurrently(list(missing.values()), self._mark, self.workers)
        for _ in progress(work, label="language models' grades", total=len(missing)):
            pass

    def _judge(self, script: Script) -> Judged:
        """One grade; a grader that raises costs that grade alone."""
        digest, error = self._mark(script)
        place, grader = script.place, self.plan.graders[script.grader]
        return Judged(
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

    def _mark(self, script: Script) -> tuple[str, str]:
        """Digest of the grade, and why there is none."""
        try:
            return self.mark(self.said[script.place], *self._with(script)), ""
        except RunFailed as failure:
            return "", str(failure)

    def _key(self, script: Script) -> str:
        return self.mark.key(self.said[script.place], *self._with(script))

    def _with(self, script: Script) -> tuple[Exam, Component, Desk]:
        paper = self.papers(script.sitting.cell, script.place.arm, script.place.reader)
        if "null_claims" not in self._grader(script).needs:
            paper = paper.model_copy(update={"null_claims": ()})
        desk = self.desks(script.sitting, self._grader(script))
        return paper, self.plan.graders[script.grader], desk

    def _curve(self, script: Script) -> tuple[Scored, ...]:
        """What the guesses on the way were worth, where that costs no language model."""
        if self._estimate(script) is not None or not self._grader(script).reads_attempt:
            return ()
        made = self.said[script.place]
        return tuple(
            Scored(questions=guess.questions, score=self._score(script, _as_said(made, guess)))
            for guess in made.guesses
        )

    def _score(self, script: Script, guessed: Attempt) -> float:
        return read_grade(self.mark.store, self.mark(guessed, *self._with(script))).score

    def _grader(self, script: Script) -> Grader[Any]:
        return self.graders[script.grader]

    def _estimate(self, script: Script) -> Estimate | None:
        config = self.plan.graders[script.grader].config
        return self._grader(script).estimate(config)


def _as_said(made: Attempt, guess: Guess) -> Attempt:
    changed = {"verdict": guess.verdict, "outcome": Outcome.VERDICT, "error": ""}
    return made.model_copy(update=changed)


def _entry(cell: Cell, judged: tuple[Judged, ...]) -> Entry:
    one = cell.pair.selected
    return Entry(
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
