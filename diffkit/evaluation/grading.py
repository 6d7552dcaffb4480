"""Grades what was said of the cells of an evaluation, and makes their entries."""

from collections.abc import Mapping
from dataclasses import dataclass

from diffkit.errors import RunFailed
from diffkit.evaluation.attempts import component_key
from diffkit.evaluation.cells import Cell, Conditions
from diffkit.evaluation.grades import Marking, exam
from diffkit.evaluation.interview import Attempts
from diffkit.evaluation.nulls import Nulls
from diffkit.evaluation.plan import Component, Plan
from diffkit.evaluation.record import Arm, Entry, Judged
from diffkit.grader import Exam, Statement
from diffkit.verdict import Attempt


@dataclass(frozen=True)
class Grading:
    """Grades what was said of each cell."""

    plan: Plan
    mark: Marking
    references: Mapping[str, tuple[str, ...]]
    """Ordinary texts by base."""
    statements: Mapping[str, tuple[Statement, ...]]
    """Distinct truths by base."""
    nulls: Mapping[Conditions, Nulls]

    def entry(self, cell: Cell, said: Mapping[Arm, Attempts]) -> Entry:
        """The record of one cell: ``said`` of it by arm, graded."""
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
            judged=self._judged(cell, said) if said else (),
        )

    def _judged(self, cell: Cell, said: Mapping[Arm, Attempts]) -> tuple[Judged, ...]:
        papers = [self._exam(cell, investigator) for investigator in self.plan.investigators]
        return tuple(
            self._judge(made, paper, arm, investigator, grader)
            for arm, attempts in said.items()
            for made, paper, investigator in zip(
                attempts, papers, self.plan.investigators, strict=True
            )
            for grader in self.plan.graders
        )

    def _exam(self, cell: Cell, investigator: Component) -> Exam:
        """The same whatever the investigator was given: null claims are of the method itself."""
        claims = self.nulls.get(cell.conditions, Nulls()).claims
        base = cell.pair.selected.base.name
        return exam(
            cell.pair,
            self.statements[base],
            reference=self.references[base],
            null_claims=claims.get(component_key(investigator), ()),
        )

    def _judge(
        self, made: Attempt, paper: Exam, arm: Arm, investigator: Component, grader: Component
    ) -> Judged:
        """One grade; a grader that raises costs that grade alone."""
        digest, error = "", ""
        try:
            digest = self.mark(made, paper, grader)
        except RunFailed as failure:
            error = str(failure)
        return Judged(
            investigator=investigator.spec.name,
            grader=grader.spec.name,
            arm=arm,
            attempt=made.digest,
            grade=digest,
            error=error,
        )
