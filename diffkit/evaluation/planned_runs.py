"""The runs that an evaluation needs: each pair under each method and seed.

Takes a plan. Gives its runs, each with the result of the run or with the row of a calibration table
that replaces it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from diffkit.errors import DiffkitError
from diffkit.evaluation.calibration.table import CalibrationRow
from diffkit.evaluation.plan import ConfiguredPlugin, Plan, PlannedPair, texts_of
from diffkit.evaluation.record import Arm
from diffkit.evaluation.truths import answer_of
from diffkit.runs.execution import ExecutionOptions
from diffkit.runs.manifest import StoredRun
from diffkit.runs.models import PairSpec
from diffkit.runs.spec import RunSpec
from diffkit.runs.store import Store
from diffkit.runs.sweep import RunResult, group_by_base, run_batches
from diffkit.texts import Texts
from diffkit.verdict import Attempt


class RunConditions(NamedTuple):
    """What cells must share to be compared: a calibration null with the pair it calibrates, say."""

    base: str
    method: str
    seed: int


RunId = tuple[str, str, str, str, int]
"""Organism, base, variant, method and seed."""


@dataclass(frozen=True)
class PlannedRun:
    """One pair under one method and seed, and its run."""

    pair: PlannedPair
    method: ConfiguredPlugin
    seed: int
    texts: Texts
    known: CalibrationRow | None = None
    """What a table says of the run, which was not made then."""
    result: RunResult | None = None
    """How the run ended; none where a table took its place."""

    @property
    def key(self) -> RunId:
        """What tells it from the other cells under test."""
        one = self.pair.selected
        names = (one.organism.name, one.base.name, one.variant)
        return (*names, self.method.spec.name, self.seed)

    @property
    def conditions(self) -> RunConditions:
        """What it shares with the cells that it is compared with."""
        return RunConditions(self.pair.selected.base.name, self.method.spec.name, self.seed)

    @property
    def answer(self) -> str:
        """Handle of the truth; empty where nothing targeted was done."""
        return answer_of(self.pair.selected.organism) or ""

    @property
    def run(self) -> StoredRun | None:
        """The run; none where it failed, or a table took its place."""
        return self.result.run if self.result else None

    @property
    def digest(self) -> str:
        """Digest of the run; empty where a model cannot be used."""
        return self.known.run if self.known else self.result.digest if self.result else ""

    @property
    def subject(self) -> PairSpec:
        """Its two models."""
        base, finetuned = self.pair.selected.base, self.pair.selected.finetuned
        return PairSpec(base.source, finetuned, base.dtype, base.attention)

    @property
    def spec(self) -> RunSpec:
        """What is run."""
        return RunSpec(self.method.spec, self.method.config, self.subject, self.texts, self.seed)

    @property
    def change_score(self) -> float | None:
        """The method's score; none where it does not say, or its run failed."""
        if self.known:
            return self.known.change_score
        return self.run.manifest.change_score if self.run else None

    @property
    def error(self) -> str:
        """Why the run failed; empty where it did not."""
        return self.result.error if self.result else ""


def plan_runs(plan: Plan) -> list[PlannedRun]:
    """Every cell of ``plan``, nothing run yet."""
    bases = {pair.selected.base.name: pair.selected.base for pair in plan.pairs}
    texts = {name: texts_of(plan.suite, base) for name, base in bases.items()}
    return [
        PlannedRun(pair, method, seed, texts[pair.selected.base.name])
        for pair in plan.pairs
        for method in plan.methods
        for seed in plan.suite.seeds
    ]


def fill_from_calibration_tables(
    cells: Sequence[PlannedRun],
    tables: Mapping[str, CalibrationRow],
    investigators: Sequence[str],
    store: Store,
) -> list[PlannedRun]:
    """``cells``, those marked as known that a table holds and the store does not.

    Args:
        cells: what is to be run.
        tables: calibration runs by digest.
        investigators: keys of the investigators that a table must hold the claims of.
        store: whatever it holds is taken from there.
    """
    return [_filled(cell, tables, investigators, store) for cell in cells]


def _filled(
    cell: PlannedRun,
    tables: Mapping[str, CalibrationRow],
    investigators: Sequence[str],
    store: Store,
) -> PlannedRun:
    if cell.pair.role != "calibration" or not tables:
        return cell
    try:
        key = cell.spec.identity().digest
    except DiffkitError:
        return cell  # it fails as a run, which says why
    row = tables.get(key)
    if row is None or store.has("runs", key) or not set(investigators) <= set(row.claims):
        return cell
    return replace(cell, known=row)


def run_planned(
    cells: Sequence[PlannedRun],
    store: Store,
    execution: ExecutionOptions,
    watch: Callable[[RunResult], None],
) -> list[PlannedRun]:
    """``cells``, each with its run, but for those that are known."""
    specs = [None if cell.known else cell.spec for cell in cells]
    pending = [spec for spec in specs if spec is not None]
    results: dict[int, RunResult] = {}
    running = run_batches(group_by_base(pending), store, execution)
    for result in execution.progress(running, label="runs", total=len(pending)):
        results[id(result.spec)] = result
        watch(result)
    return [
        replace(cell, result=results[id(spec)]) if spec else cell
        for cell, spec in zip(cells, specs, strict=True)
    ]


class AttemptId(NamedTuple):
    """Where an attempt stands in an evaluation."""

    cell: RunId
    arm: Arm
    reader: int
    """Number of the investigator in the plan."""
    repeat: int


AttemptsById = Mapping[AttemptId, Attempt]
