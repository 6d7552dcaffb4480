"""Asks investigators about the cells under test, and about what control rows put in their place."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from diffkit.evaluation.arms import base_only, controlled, random_null, swapped
from diffkit.evaluation.attempts import Asking
from diffkit.evaluation.cells import Cell, Conditions, Key
from diffkit.evaluation.nulls import Nulls
from diffkit.evaluation.plan import Plan
from diffkit.evaluation.record import Arm
from diffkit.findings import Findings
from diffkit.investigator import Case, Evidence
from diffkit.runs.execute import Execution
from diffkit.verdict import Attempt

Attempts = tuple[Attempt, ...]
"""By investigator, in the plan's order."""
Ceilings = Mapping[tuple[str, str], Findings]
"""What an organism's training data says, by organism and base; some have no such data."""


@dataclass(frozen=True)
class Interview:
    """The investigators of a plan, and what they are given."""

    plan: Plan
    nulls: Mapping[Conditions, Nulls]
    ceilings: Ceilings
    ask: Asking

    def __call__(
        self, cells: Sequence[Cell], execution: Execution
    ) -> dict[Key, dict[Arm, Attempts]]:
        """The attempts at each cell under test; targeted ones have the control rows too.

        Findings are read one cell at a time, and let go.
        """
        tests = [cell for cell in cells if cell.pair.role == "test"]
        said: dict[Key, dict[Arm, Attempts]] = {}
        speaking = set()
        for cell in execution.progress(tests, label="verdicts", total=len(tests)):
            case = self._case(cell)
            said[cell.key] = {"method": self._put(case)}
            if cell.answer and "base-only" in self.plan.suite.controls:
                base = base_only(cell.run.findings) if cell.run else None
                said[cell.key]["base-only"] = self._put(controlled(base) if base else None)
                if base and base.items:
                    speaking.add(cell.method.spec.name)
        for cell in (cell for cell in tests if cell.answer):
            if cell.method.spec.name not in speaking:
                said[cell.key].pop("base-only", None)
            said[cell.key].update(self._elsewhere(cell, tests, said))
        return said

    def _case(self, cell: Cell) -> Case | None:
        """What the method found; none where its run failed."""
        if cell.run is None:
            return None
        nulls = self.nulls.get(cell.conditions, Nulls()).scores
        evidence = Evidence(method=cell.method.spec.name, findings=cell.run.findings, nulls=nulls)
        return Case(handle=cell.handle, evidence=(evidence,))

    def _elsewhere(
        self, cell: Cell, tests: Sequence[Cell], said: Mapping[Key, Mapping[Arm, Attempts]]
    ) -> dict[Arm, Attempts]:
        """The control rows that need no findings of the cell itself."""
        controls, made = self.plan.suite.controls, dict[Arm, Attempts]()
        if "no-evidence" in controls:
            made["no-evidence"] = self._put(controlled(Findings()))
        if "evidence-swap" in controls and (other := swapped(tests, cell)):
            made["evidence-swap"] = said[other.key]["method"]
        if "random" in controls and (null := random_null(tests, cell)):
            made["random"] = said[null.key]["method"]
        selected = cell.pair.selected
        words = self.ceilings.get((selected.organism.name, selected.base.name))
        if "ceiling" in controls and words:
            made["ceiling"] = self._put(controlled(words))
        return made

    def _put(self, case: Case | None) -> Attempts:
        return tuple(self.ask(case, investigator) for investigator in self.plan.investigators)
