"""Carries out a plan: runs, then attempts, then grades, each stored before the next reads it."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from types import MappingProxyType

from diffkit.evaluation.attempts import Asking, component_key
from diffkit.evaluation.calibrated import Calibrated
from diffkit.evaluation.ceiling import ceilings
from diffkit.evaluation.cells import Cell, from_tables, planned_cells, run_cells
from diffkit.evaluation.grades import Marking
from diffkit.evaluation.grading import Grading
from diffkit.evaluation.inert import check_expression
from diffkit.evaluation.interview import Interview
from diffkit.evaluation.nulls import calibrate
from diffkit.evaluation.plan import Plan, reference_of
from diffkit.evaluation.record import Evaluation
from diffkit.evaluation.statements import statements
from diffkit.runs.execute import Execution
from diffkit.runs.store import Store
from diffkit.runs.sweep import Result

NO_TABLES: Mapping[str, Calibrated] = MappingProxyType({})


def evaluate(
    plan: Plan,
    store: Store,
    execution: Execution,
    *,
    tables: Mapping[str, Calibrated] = NO_TABLES,
    allow_inert: bool = False,
    watch: Callable[[Result], None] = lambda _: None,
) -> Evaluation:
    """Runs whatever of ``plan`` the store does not hold yet, and records the evaluation.

    Args:
        plan: the expanded suite.
        store: where everything is kept, and found again by the next call.
        execution: how runs are executed; where it is fresh, attempts and grades are made anew too,
            and tables play no part.
        tables: calibration runs that were made before, by digest; those that the store does not
            hold are not run.
        allow_inert: whether organisms that do not do what their truth says are let through.
        watch: called with each run's result as it comes.

    Raises:
        UserError: an organism fails the expression gate, before anything is run.
        DiffkitError: an investigator or grader cannot be imported, before anything is run.
        StoreUnwritable: nothing further could be kept.
    """
    for component in (*plan.investigators, *plan.graders):
        component.spec.load()
    references = _references(plan)
    best = ceilings(plan, references)
    truths = statements(plan.pairs)
    notes = check_expression(plan, store, execution, allow_inert=allow_inert)
    cells = planned_cells(plan)
    if not execution.fresh:
        cells = from_tables(cells, tables, list(map(component_key, plan.investigators)), store)
    cells = run_cells(cells, store, execution, watch)
    ask = Asking(store, execution.fresh)
    nulls = calibrate(cells, plan.investigators, ask)
    said = Interview(plan, nulls, best, ask)(cells, execution)
    grading = Grading(plan, Marking(store, execution.fresh), references, truths, nulls)
    entries = [
        grading.entry(cell, said.get(cell.key, {}) if cell.pair.role == "test" else {})
        for cell in execution.progress(cells, label="grades", total=len(cells))
    ]
    evaluation = Evaluation(
        name=plan.suite.name,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        texts=tuple(sorted({cell.texts.digest for cell in cells})),
        calibration=tuple(sorted({pair.rung for pair in plan.pairs if pair.rung})),
        notes=(*notes, *_from_tables(cells)),
        entries=tuple(entries),
    )
    evaluation.save(store)
    return evaluation


def _references(plan: Plan) -> dict[str, tuple[str, ...]]:
    """Ordinary texts of each base of a plan."""
    bases = {pair.selected.base.name: pair.selected.base for pair in plan.pairs}
    texts = {name: reference_of(plan.suite, base) for name, base in bases.items()}
    return {name: tuple(map(str, found.items)) for name, found in texts.items()}


def _from_tables(cells: list[Cell]) -> tuple[str, ...]:
    count = sum(cell.known is not None for cell in cells)
    if not count:
        return ()
    said = f"{count} calibration runs come from tables that were computed before"
    return (f"{said}; --fresh computes them here.",)
