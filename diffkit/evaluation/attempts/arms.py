"""What an investigator is given in each arm: findings of methods, or of a control.

Takes the planned runs. Gives one input for each run and arm. Where a control does as well as the
method, the findings of the method did not reveal the truth.
"""

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeVar

from diffkit.evaluation.plan import Plan
from diffkit.evaluation.planned_runs import PlannedRun
from diffkit.evaluation.record import Arm, ControlArm, MainArm
from diffkit.evaluation.truths import training_texts
from diffkit.findings import (
    BOTH_SIDES,
    Finding,
    Findings,
    Sample,
    Samples,
    TokenScore,
    TokenTable,
    TokenTrace,
)
from diffkit.organism import Control
from diffkit.statistics import log_odds, word_counts

N = TypeVar("N", str, tuple[str, str])

SEED = 0
"""Seed of who stands in for whom."""


def base_only(evidence: Findings) -> Findings:
    """What only the base side says in ``evidence``: no items where it says nothing."""
    sides = (_base_side(item) for item in evidence.items)
    return Findings(items=tuple(item for item in sides if item is not None))


def _base_side(item: Finding) -> Finding | None:
    match item:
        case Samples(sides=sides) if sides == BOTH_SIDES and any(row.base for row in item.rows):
            rows = (
                Sample(prompt=row.prompt, base=row.base, finetuned=row.base) for row in item.rows
            )
            return item.model_copy(update={"rows": tuple(rows)})
        case TokenTrace() if any(token.base for token in item.tokens):
            tokens = (
                token.model_copy(update={"finetuned": token.base, "base": ()})
                for token in item.tokens
            )
            return item.model_copy(update={"tokens": tuple(tokens)})
        case _:
            return None


def other_truths_run(cells: Sequence[PlannedRun], cell: PlannedRun) -> PlannedRun | None:
    """The cell of another truth that stands in for ``cell``, under the same conditions.

    Truths go around in a circle of seeded order, the same for every method and seed. None where
    there is one truth alone.
    """
    here = [other for other in cells if _comparable(other, cell) and other.answer]
    truths = _shuffled({other.answer for other in here})
    if len(truths) < 2:
        return None
    other = truths[(truths.index(cell.answer) + 1) % len(truths)]
    return _nearest([one for one in here if one.answer == other], cell)


def random_null_run(cells: Sequence[PlannedRun], cell: PlannedRun) -> PlannedRun | None:
    """The cell of a random change that stands in for ``cell``, under the same conditions.

    Nulls are dealt to truths in a seeded order, the same for every method and seed. None where
    there is none.
    """
    here = [other for other in cells if _comparable(other, cell)]
    truths = _shuffled({other.answer for other in here if other.answer})
    nulls = {
        (other.pair.selected.organism.name, other.pair.selected.variant): other
        for other in here
        if isinstance(other.pair.selected.finetuned, Control)
    }
    order = _shuffled(nulls)
    return nulls[order[truths.index(cell.answer) % len(order)]] if order else None


def _comparable(other: PlannedRun, cell: PlannedRun) -> bool:
    return other.pair.role == "test" and other.conditions == cell.conditions


def _shuffled(names: Iterable[N]) -> list[N]:
    order = sorted(names)
    random.Random(SEED).shuffle(order)  # noqa: S311 - a reproducible order
    return order


def _nearest(cells: Sequence[PlannedRun], cell: PlannedRun) -> PlannedRun:
    """The one of the same variant, else the default one, else the first."""
    wanted = {cell.pair.selected.variant: 0, "default": 1}
    return min(cells, key=lambda one: wanted.get(one.pair.selected.variant, 2))


ORACLE_WORDS = 200
"""Words in the table."""


def oracle_findings(training: Mapping[str, int], ordinary: Mapping[str, int]) -> Findings:
    """Findings of the words that the training data uses more than ordinary texts do, at most 200.

    Args:
        training: counts of words in the training data.
        ordinary: counts of words in ordinary texts.
    """
    scores = log_odds(training, ordinary)
    ranked = sorted(((-score, word) for word, score in scores.items() if score > 0))[:ORACLE_WORDS]
    rows = tuple(TokenScore(token=word, score=-score) for score, word in ranked)
    title = "Words that set the training data apart"
    return Findings(items=(TokenTable(title=title, unit="standard errors", rows=rows),))


def all_oracle_findings(
    plan: Plan, references: Mapping[str, Iterable[str]]
) -> dict[tuple[str, str], Findings]:
    """The ceiling of each targeted organism under test, by organism and base.

    Args:
        plan: the expanded suite.
        references: ordinary texts by base.

    Raises:
        BadFile: training data cannot be read.
    """
    if "ceiling" not in plan.suite.controls:
        return {}
    tests = [pair.selected for pair in plan.pairs if pair.role == "test"]
    ordinary = {name: word_counts(texts) for name, texts in references.items()}
    pairs = {
        (one.organism.name, one.base.name): one.organism
        for one in tests
        if one.organism.truth == "targeted" and one.organism.training_data
    }
    return {
        (name, base): oracle_findings(
            word_counts(map(str, training_texts(organism))), ordinary[base]
        )
        for (name, base), organism in pairs.items()
    }


@dataclass(frozen=True)
class ArmInput:
    """One arm of one cell: whose models may be asked, and whose findings are read."""

    cell: PlannedRun
    """Whose truth and models it is about."""
    arm: Arm
    sources: tuple[PlannedRun, ...] = ()
    """Cells whose findings are read."""
    findings: Findings | None = None
    """What is read in their place, where it is no method's."""

    @property
    def asks(self) -> bool:
        """Whether the models may be asked: only whoever has no evidence at all may not."""
        return self.arm != "no-evidence"

    @property
    def tooled(self) -> tuple[PlannedRun, ...]:
        """Cells whose methods' tools may be used: those whose findings are read as they are."""
        return () if self.arm == "base-only" else self.sources


OracleFindings = Mapping[tuple[str, str], Findings]
"""What an organism's training data says, by organism and base; some have no such data."""


@dataclass
class ArmInputs:
    """The arms of each cell: the main ones, and for targeted organisms the controls."""

    plan: Plan
    cells: Sequence[PlannedRun]
    """All of them, nulls too."""
    ceilings: OracleFindings
    _base_speaks: dict[str, bool] = field(default_factory=dict)

    def tests(self) -> Iterator[ArmInput]:
        """Of the cells under test."""
        tests = [cell for cell in self.cells if cell.pair.role == "test"]
        for cell in tests:
            yield from (self._main(cell, arm) for arm in self.plan.suite.arms)
            if cell.answer:
                yield from self._controls(cell, tests)

    def nulls(self) -> Iterator[ArmInput]:
        """Of the calibration nulls that were run."""
        for cell in self.cells:
            if cell.pair.role == "calibration" and not cell.known:
                yield from (self._main(cell, arm) for arm in self.plan.suite.arms)

    def _main(self, cell: PlannedRun, arm: MainArm) -> ArmInput:
        match arm:
            case "method":
                return ArmInput(cell, arm, (cell,))
            case "combined":
                return ArmInput(cell, arm, self._beside[_pair_and_seed(cell)])
            case "blackbox":
                return ArmInput(cell, arm)

    @cached_property
    def _beside(self) -> dict[tuple[str, ...], tuple[PlannedRun, ...]]:
        """The cells of each pair and seed under all methods, in the plan's order."""
        found: dict[tuple[str, ...], list[PlannedRun]] = {}
        for cell in self.cells:
            if cell.pair.role == "test" or not cell.known:
                found.setdefault(_pair_and_seed(cell), []).append(cell)
        return {key: tuple(cells) for key, cells in found.items()}

    def _controls(self, cell: PlannedRun, tests: Sequence[PlannedRun]) -> Iterator[ArmInput]:
        made: dict[ControlArm, ArmInput | None] = {
            "no-evidence": ArmInput(cell, "no-evidence"),
            "base-only": self._base_only(cell, tests),
            "evidence-swap": self._read(cell, "evidence-swap", other_truths_run(tests, cell)),
            "random": self._read(cell, "random", random_null_run(tests, cell)),
            "ceiling": self._ceiling(cell),
        }
        for control in self.plan.suite.controls:
            if sitting := made[control]:
                yield sitting

    def _read(self, cell: PlannedRun, arm: Arm, other: PlannedRun | None) -> ArmInput | None:
        return ArmInput(cell, arm, (other,)) if other else None

    def _base_only(self, cell: PlannedRun, tests: Sequence[PlannedRun]) -> ArmInput | None:
        """None where the method's findings hold nothing of the base in any targeted cell."""
        method = cell.method.spec.name
        if method not in self._base_speaks:
            own = (one for one in tests if one.answer and one.method.spec.name == method)
            self._base_speaks[method] = any(
                one.run and base_only(one.run.findings).items for one in own
            )
        return ArmInput(cell, "base-only", (cell,)) if self._base_speaks[method] else None

    def _ceiling(self, cell: PlannedRun) -> ArmInput | None:
        one = cell.pair.selected
        words = self.ceilings.get((one.organism.name, one.base.name))
        return ArmInput(cell, "ceiling", findings=words) if words else None


def _pair_and_seed(cell: PlannedRun) -> tuple[str, ...]:
    one = cell.pair.selected
    return (one.organism.name, one.base.name, one.variant, cell.pair.role, str(cell.seed))
