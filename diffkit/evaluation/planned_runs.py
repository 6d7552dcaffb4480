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
from diffkit.runs.manifest import RunLabels, StoredRun
from diffkit.runs.spec import PairSpec, RunSpec
from diffkit.runs.store import Store
from diffkit.runs.sweep import RunResult, group_by_base, run_batches
from diffkit.texts import Texts
from diffkit.verdict import Attempt


class RunConditions(NamedTuple):
    """What runs must share to be compared, such as a pair under test and its calibration nulls."""

    base: str
    method: str
    seed: int


RunId = tuple[str, str, str, str, int]
"""Organism, base, variant, method and seed."""


class AttemptId(NamedTuple):
    """Identifies an attempt within an evaluation."""

    run_id: RunId
    arm: Arm
    investigator_index: int
    """Index of the investigator in the plan."""
    repeat: int


AttemptsById = Mapping[AttemptId, Attempt]
"""The attempts of an evaluation."""


@dataclass(frozen=True)
class PlannedRun:
    """One pair under one method and seed, and its run."""

    pair: PlannedPair
    method: ConfiguredPlugin
    seed: int
    texts: Texts
    calibration_row: CalibrationRow | None = None
    """The row of a calibration table that replaces the run; none where the run is made."""
    result: RunResult | None = None
    """How the run ended; none where it is not made yet, or a table replaces it."""

    @property
    def run_id(self) -> RunId:
        """Identifies the run among the runs under test."""
        selected = self.pair.selected
        names = (selected.organism.name, selected.base.name, selected.variant)
        return (*names, self.method.spec.name, self.seed)

    @property
    def conditions(self) -> RunConditions:
        """What the run shares with the runs that it is compared with."""
        return RunConditions(self.pair.selected.base.name, self.method.spec.name, self.seed)

    @property
    def answer(self) -> str:
        """Handle of the true statement; empty for nulls."""
        return answer_of(self.pair.selected.organism) or ""

    @property
    def run(self) -> StoredRun | None:
        """The stored run; none where it failed, or a table replaces it."""
        return self.result.run if self.result else None

    @property
    def digest(self) -> str:
        """Digest of the run; empty where a model cannot be loaded."""
        if self.calibration_row:
            return self.calibration_row.run
        return self.result.digest if self.result else ""

    @property
    def models(self) -> PairSpec:
        """The base model and the finetuned model."""
        return PairSpec.of(self.pair.selected.base, self.pair.selected.finetuned)

    @property
    def spec(self) -> RunSpec:
        """The run to be made."""
        method, one = self.method, self.pair.selected
        labels = RunLabels.of(one.base.name, one.finetuned, one.organism.name, one.variant)
        return RunSpec(method.spec, method.config, self.models, self.texts, self.seed, labels)

    @property
    def change_score(self) -> float | None:
        """The method's score; none where the method gives none, or the run failed."""
        if self.calibration_row:
            return self.calibration_row.change_score
        return self.run.manifest.change_score if self.run else None

    @property
    def error(self) -> str:
        """Why the run failed; empty where it did not."""
        return self.result.error if self.result else ""


def plan_runs(plan: Plan) -> list[PlannedRun]:
    """All runs of ``plan``, none of them made yet."""
    bases = {pair.selected.base.name: pair.selected.base for pair in plan.pairs}
    texts = {name: texts_of(plan.suite, base) for name, base in bases.items()}
    return [
        PlannedRun(pair, method, seed, texts[pair.selected.base.name])
        for pair in plan.pairs
        for method in plan.methods
        for seed in plan.suite.seeds
    ]


def fill_from_calibration_tables(
    planned_runs: Sequence[PlannedRun],
    tables: Mapping[str, CalibrationRow],
    investigators: Sequence[str],
    store: Store,
) -> list[PlannedRun]:
    """Replaces calibration runs by rows of tables, where the store does not hold the run.

    Args:
        planned_runs: the runs of a plan.
        tables: rows of calibration tables by digest of the run.
        investigators: keys of the investigators whose claims a row must hold.
        store: runs that it holds are not replaced.
    """
    return [_with_table_row(planned, tables, investigators, store) for planned in planned_runs]


def _with_table_row(
    planned: PlannedRun,
    tables: Mapping[str, CalibrationRow],
    investigators: Sequence[str],
    store: Store,
) -> PlannedRun:
    if planned.pair.role != "calibration" or not tables:
        return planned
    try:
        key = planned.spec.identity().digest
    except DiffkitError:
        return planned  # the run fails and reports the error
    row = tables.get(key)
    if row is None or store.has("runs", key) or not set(investigators) <= set(row.claims):
        return planned
    return replace(planned, calibration_row=row)


def run_planned(
    planned_runs: Sequence[PlannedRun],
    store: Store,
    execution: ExecutionOptions,
    on_run_result: Callable[[RunResult], None],
) -> list[PlannedRun]:
    """Makes all runs that no table replaces, and adds their results.

    Args:
        planned_runs: the runs of a plan.
        store: where runs are kept; runs that it holds are not made again.
        execution: how runs are executed.
        on_run_result: called with the result of each run.
    """
    specs = [None if planned.calibration_row else planned.spec for planned in planned_runs]
    pending = [spec for spec in specs if spec is not None]
    results: dict[int, RunResult] = {}
    running = run_batches(group_by_base(pending), store, execution)
    for result in execution.progress(running, label="runs", total=len(pending)):
        results[id(result.spec)] = result
        on_run_result(result)
    return [
        replace(planned, result=results[id(spec)]) if spec else planned
        for planned, spec in zip(planned_runs, specs, strict=True)
    ]
