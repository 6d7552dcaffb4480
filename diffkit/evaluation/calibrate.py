"""Builds a calibration table: runs the nulls of a suite and stores what investigators claim."""

from collections.abc import Callable, Iterator, Sequence

from diffkit.case import Case, Evidence
from diffkit.errors import UserError
from diffkit.evaluation.attempts.runner import AttemptRunner
from diffkit.evaluation.calibration.table import CalibrationRow
from diffkit.evaluation.plan import ConfiguredPlugin, Plan, plugin_key
from diffkit.evaluation.planned_runs import PlannedRun, plan_runs, run_planned
from diffkit.runs.execution import ExecutionOptions
from diffkit.runs.store import Store
from diffkit.runs.sweep import RunResult


def build_calibration_table(
    plan: Plan, store: Store, execution: ExecutionOptions, *, watch: Callable[[RunResult], None]
) -> Iterator[CalibrationRow | None]:
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
        raise UserError(what, hint="Give it some under 'calibration'.")
    for investigator in plan.investigators:
        if investigator.spec.load().stochastic:
            what = f"What {investigator.spec.name!r} says varies: it is no matter for a table."
            raise UserError(what, hint="Leave it out: `diffkit evaluate` asks it about the nulls.")
    nulls = [cell for cell in plan_runs(plan) if cell.pair.role == "calibration"]
    cells = run_planned(nulls, store, execution, watch)
    ask = AttemptRunner(store, execution.fresh)
    wanted = {plugin_key(investigator) for investigator in plan.investigators}
    for cell in execution.progress(cells, label="claims", total=len(cells)):
        claims = claims_about(cell, plan.investigators, ask)
        yield (
            CalibrationRow(
                run=cell.digest,
                method=cell.method.spec.name,
                rung=cell.pair.rung,
                change_score=cell.change_score,
                claims=claims,
            )
            if set(claims) == wanted
            else None
        )


def claims_about(
    cell: PlannedRun, investigators: Sequence[ConfiguredPlugin], ask: AttemptRunner
) -> dict[str, str]:
    """What each investigator claims of a null, by its key; who gives no verdict is left out."""
    if cell.run is None:
        return {}
    evidence = Evidence(method=cell.method.spec.name, findings=cell.run.findings)
    case = Case(handle=f"pair-{cell.digest[:8]}", evidence=(evidence,))
    made = {plugin_key(one): ask(case, one).verdict for one in investigators}
    return {key: verdict.claim or "" for key, verdict in made.items() if verdict}
