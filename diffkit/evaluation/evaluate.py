"""Carries out a plan: runs, then attempts, then grades, each stored before the next reads it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from diffkit.errors import UserError
from diffkit.evaluation.arenas import Arenas
from diffkit.evaluation.attempts import Asking
from diffkit.evaluation.bill import Bill, bill
from diffkit.evaluation.calibrated import Calibrated
from diffkit.evaluation.cases import Cases
from diffkit.evaluation.ceiling import ceilings
from diffkit.evaluation.cells import Cell, Conditions, from_tables, planned_cells, run_cells
from diffkit.evaluation.component import component_key
from diffkit.evaluation.desks import Desks
from diffkit.evaluation.detection import Calibration
from diffkit.evaluation.grades import Marking
from diffkit.evaluation.grading import Grading
from diffkit.evaluation.inert import check_expression
from diffkit.evaluation.interview import Interview
from diffkit.evaluation.nulls import scored
from diffkit.evaluation.papers import Papers, null_claims
from diffkit.evaluation.plan import Plan, reference_of
from diffkit.evaluation.record import Entry, Evaluation
from diffkit.evaluation.seats import Seats
from diffkit.evaluation.sittings import Sittings
from diffkit.evaluation.statements import statements
from diffkit.investigator import Estimate
from diffkit.prices import Prices
from diffkit.runs.execute import Execution
from diffkit.runs.store import Store
from diffkit.runs.sweep import Result

WORKERS = 8
"""Attempts and grades of language models side by side."""


def _let(_: object) -> None:
    """Watches nothing, and agrees to everything."""


@dataclass(frozen=True)
class Conduct:
    """How an evaluation is carried out; plays no part in what is found."""

    tables: Mapping[str, Calibrated] = field(default_factory=dict)
    """Calibration runs that were made before, by digest; those that the store does not hold are not
    run."""
    allow_inert: bool = False
    """Whether organisms that do not do what their truth says are let through."""
    watch: Callable[[Result], None] = _let
    """Called with each run's result as it comes."""
    agree: Callable[[Bill], None] = _let
    """Called with what language models may be asked at most, before they are; raises to stop."""
    workers: int = WORKERS
    """Attempts and grades of language models side by side."""


def evaluate(
    plan: Plan, store: Store, execution: Execution, conduct: Conduct | None = None
) -> Evaluation:
    """Runs whatever of ``plan`` the store does not hold yet, and records the evaluation.

    Args:
        plan: the expanded suite.
        store: where everything is kept, and found again by the next call.
        execution: how runs are executed; where it is fresh, attempts and grades are made anew too,
            and tables play no part.
        conduct: how the rest is carried out.

    Raises:
        UserError: an organism fails the expression gate, or a grader may not grade an investigator,
            before anything is run; or the bill was not agreed to.
        DiffkitError: an investigator or grader cannot be imported, before anything is run.
        StoreUnwritable: nothing further could be kept.
    """
    conduct = Conduct() if conduct is None else conduct
    _check(plan)
    notes = check_expression(plan, store, execution, allow_inert=conduct.allow_inert)
    cells = planned_cells(plan)
    if not execution.fresh:
        keys = list(map(component_key, plan.investigators))
        cells = from_tables(cells, conduct.tables, keys, store)
    cells = run_cells(cells, store, execution, conduct.watch)
    arenas = Arenas(execution.device, plan.generator)
    try:
        entries = _entries(
            plan, cells, store=store, execution=execution, conduct=conduct, arenas=arenas
        )
    except Exception:  # not Ctrl-C: other threads may be asking, and the process ends
        arenas.close()
        raise
    arenas.close()
    evaluation = Evaluation(
        name=plan.suite.name,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        texts=tuple(sorted({cell.texts.digest for cell in cells})),
        calibration=tuple(sorted({pair.rung for pair in plan.pairs if pair.rung})),
        graders={one.spec.name: component_key(one) for one in plan.graders},
        notes=(*notes, *_from_tables(cells)),
        entries=tuple(entries),
    )
    evaluation.save(store)
    return evaluation


def _check(plan: Plan) -> None:
    """Imports every investigator and grader, and asks whether each can work as it is to."""
    for component in (*plan.investigators, *plan.graders, plan.generator):
        if component:
            component.spec.load()
    for investigator in plan.investigators:
        investigator.spec.load().check(investigator.config)
        for grader in plan.graders:
            grader.spec.load().check(grader.config, investigator.config)
    for component in (*plan.investigators, *plan.graders):
        _check_cap(component.spec.load().estimate(component.config), plan.prices)


def _check_cap(most: Estimate | None, prices: Prices) -> None:
    """A cap in dollars that nobody could keep is refused."""
    if most and most.dollars and prices.get(most.model) is None:
        what = f"max_dollars cannot be kept: the price of {most.model!r} is unknown."
        example = f"models: {{{most.model}: {{input: 1.25, output: 10}}}}"
        raise UserError(what, cure=f"Give --prices FILE with {example}, or leave the cap out.")


def _entries(
    plan: Plan,
    cells: Sequence[Cell],
    *,
    store: Store,
    execution: Execution,
    conduct: Conduct,
    arenas: Arenas,
) -> list[Entry]:
    """What investigators say of the cells, graded."""

    def agree(estimates: Sequence[Estimate | None]) -> None:
        asked = bill(estimates, plan.prices)
        if asked.items:
            conduct.agree(asked)

    references = _references(plan)
    truths = statements(plan.pairs)
    sittings = Sittings(plan, cells, ceilings(plan, references))
    interview = Interview(
        plan,
        Cases(scored(cells), truths),
        Seats(arenas, store),
        Asking(store, execution.fresh, plan.prices),
        conduct.workers,
        agree,
    )
    said = interview(sittings, execution.progress)
    grading = Grading(
        plan,
        Marking(store, execution.fresh, plan.prices),
        Papers(references, truths, null_claims(cells, plan.investigators, said)),
        Desks(arenas),
        said,
        Calibration(said, _nulls(cells), plan.suite.alpha),
        conduct.workers,
        agree,
    )
    return grading(cells, sittings.tests(), execution.progress)


def _nulls(cells: Sequence[Cell]) -> dict[Conditions, list[Cell]]:
    found: dict[Conditions, list[Cell]] = {}
    for cell in cells:
        if cell.pair.role == "calibration":
            found.setdefault(cell.conditions, []).append(cell)
    return found


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
