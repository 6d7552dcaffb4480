"""Which cases are made of an evaluation's cells."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from diffkit.evaluation.arms import base_only, random_null, swapped
from diffkit.evaluation.cases import Sitting
from diffkit.evaluation.cells import Cell
from diffkit.evaluation.plan import Plan
from diffkit.evaluation.record import Arm, ControlArm, MainArm
from diffkit.findings import Findings

Ceilings = Mapping[tuple[str, str], Findings]
"""What an organism's training data says, by organism and base; some have no such data."""


@dataclass
class Sittings:
    """The arms of each cell: the main ones, and for targeted organisms the controls."""

    plan: Plan
    cells: Sequence[Cell]
    """All of them, nulls too."""
    ceilings: Ceilings
    _base_speaks: dict[str, bool] = field(default_factory=dict)

    def tests(self) -> Iterator[Sitting]:
        """Of the cells under test."""
        tests = [cell for cell in self.cells if cell.pair.role == "test"]
        for cell in tests:
            yield from (self._main(cell, arm) for arm in self.plan.suite.arms)
            if cell.answer:
                yield from self._controls(cell, tests)

    def nulls(self) -> Iterator[Sitting]:
        """Of the calibration nulls that were run."""
        for cell in self.cells:
            if cell.pair.role == "calibration" and not cell.known:
                yield from (self._main(cell, arm) for arm in self.plan.suite.arms)

    def _main(self, cell: Cell, arm: MainArm) -> Sitting:
        match arm:
            case "method":
                return Sitting(cell, arm, (cell,))
            case "combined":
                return Sitting(cell, arm, self._beside[_pair_and_seed(cell)])
            case "blackbox":
                return Sitting(cell, arm)

    @cached_property
    def _beside(self) -> dict[tuple[str, ...], tuple[Cell, ...]]:
        """The cells of each pair and seed under all methods, in the plan's order."""
        found: dict[tuple[str, ...], list[Cell]] = {}
        for cell in self.cells:
            if cell.pair.role == "test" or not cell.known:
                found.setdefault(_pair_and_seed(cell), []).append(cell)
        return {key: tuple(cells) for key, cells in found.items()}

    def _controls(self, cell: Cell, tests: Sequence[Cell]) -> Iterator[Sitting]:
        made: dict[ControlArm, Sitting | None] = {
            "no-evidence": Sitting(cell, "no-evidence"),
            "base-only": self._base_only(cell, tests),
            "evidence-swap": self._read(cell, "evidence-swap", swapped(tests, cell)),
            "random": self._read(cell, "random", random_null(tests, cell)),
            "ceiling": self._ceiling(cell),
        }
        for control in self.plan.suite.controls:
            if sitting := made[control]:
                yield sitting

    def _read(self, cell: Cell, arm: Arm, other: Cell | None) -> Sitting | None:
        return Sitting(cell, arm, (other,)) if other else None

    def _base_only(self, cell: Cell, tests: Sequence[Cell]) -> Sitting | None:
        """None where the method's findings hold nothing of the base in any targeted cell."""
        method = cell.method.spec.name
        if method not in self._base_speaks:
            own = (one for one in tests if one.answer and one.method.spec.name == method)
            self._base_speaks[method] = any(
                one.run and base_only(one.run.findings).items for one in own
            )
        return Sitting(cell, "base-only", (cell,)) if self._base_speaks[method] else None

    def _ceiling(self, cell: Cell) -> Sitting | None:
        one = cell.pair.selected
        words = self.ceilings.get((one.organism.name, one.base.name))
        return Sitting(cell, "ceiling", findings=words) if words else None


def _pair_and_seed(cell: Cell) -> tuple[str, ...]:
    one = cell.pair.selected
    return (one.organism.name, one.base.name, one.variant, cell.pair.role, str(cell.seed))
