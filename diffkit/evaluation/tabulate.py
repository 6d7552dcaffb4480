"""Makes a calibration table: runs the nulls of a suite, and notes what they said."""

from collections.abc import Callable, Iterator, Sequence

from diffkit.case import Case, Evidence
from diffkit.errors import UserError
from diffkit.evaluation.attempts import Asking
from diffkit.evaluation.calibrated import Calibrated
from diffkit.evaluation.cells import Cell, planned_cells, run_cells
from diffkit.evaluation.component import component_key
from diffkit.evaluation.plan import Component, Plan
from diffkit.runs.execute import Execution
from diffkit.runs.store import Store
from diffkit.runs.sweep import Result


def tabulate(
    plan: Plan, store: Store, execution: Execution, *, watch: Callable[[Result], None]
) -> Iterator[Calibrated | None]:
    """A row for each calibration run of ``plan``; none where it, or an investigator, failed.

    Args:
        plan: the expanded suite; its pairs under test are not run.
        store: where runs and attempts are kept, and found again by the next call.
        execution: how runs are executed.
        watch: called with each run's result as it comes.

    Raises:
        UserError: the suite has no calibration.
        DiffkitError: an investigator cannot be imported, before anything is run.
    """
    if not plan.suite.calibration:
        what = f"The suite {plan.suite.name!r} names no calibration nulls."
        raise UserError(what, cure="Give it some under 'calibration'.")
    for investigator in plan.investigators:
        if investigator.spec.load().varies:
            what = f"What {investigator.spec.name!r} says varies: it is no matter for a table."
            raise UserError(what, cure="Leave it out: `diffkit evaluate` asks it about the nulls.")
    nulls = [cell for cell in planned_cells(plan) if cell.pair.role == "calibration"]
    cells = run_cells(nulls, store, execution, watch)
    ask = Asking(store, execution.fresh)
    wanted = {component_key(investigator) for investigator in plan.investigators}
    for cell in execution.progress(cells, label="claims", total=len(cells)):
        claims = claims_of(cell, plan.investigators, ask)
        yield (
            Calibrated(
                run=cell.digest,
                method=cell.method.spec.name,
                rung=cell.pair.rung,
                change_score=cell.change_score,
                claims=claims,
            )
            if set(claims) == wanted
            else None
        )


def claims_of(cell: Cell, investigators: Sequence[Component], ask: Asking) -> dict[str, str]:
    """What each investigator claims of a null, by its key; who gives no verdict is left out."""
    if cell.run is None:
        return {}
    evidence = Evidence(method=cell.method.spec.name, findings=cell.run.findings)
    case = Case(handle=f"pair-{cell.digest[:8]}", evidence=(evidence,))
    made = {component_key(one): ask(case, one).verdict for one in investigators}
    return {key: verdict.claim or "" for key, verdict in made.items() if verdict}
