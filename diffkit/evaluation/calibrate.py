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
    plan: Plan,
    store: Store,
    execution: ExecutionOptions,
    *,
    on_run_result: Callable[[RunResult], None],
) -> Iterator[CalibrationRow | None]:
    """A row for each calibration run of ``plan``; none where the run or an investigator failed.

    Args:
        plan: the expanded suite; its pairs under test are not run.
        store: where runs and attempts are kept; those that it holds are not made again.
        execution: how runs are executed.
        on_run_result: called with the result of each run.

    Raises:
        UserError: the suite has no calibration nulls, or an investigator is stochastic.
        DiffkitError: an investigator cannot be imported, before anything is run.
    """
    _check(plan)
    nulls = [planned for planned in plan_runs(plan) if planned.pair.role == "calibration"]
    planned_runs = run_planned(nulls, store, execution, on_run_result)
    runner = AttemptRunner(store, execution.fresh)
    wanted = {plugin_key(investigator) for investigator in plan.investigators}
    for planned in execution.progress(planned_runs, label="claims", total=len(planned_runs)):
        claims = claims_about(planned, plan.investigators, runner)
        yield _row(planned, claims) if set(claims) == wanted else None


def _check(plan: Plan) -> None:
    if not plan.suite.calibration:
        what = f"The suite {plan.suite.name!r} names no calibration nulls."
        raise UserError(what, hint="Give it some under 'calibration'.")
    for investigator in plan.investigators:
        if investigator.spec.load().stochastic:
            name = investigator.spec.name
            what = f"The investigator {name!r} is stochastic: a table cannot hold its claims."
            raise UserError(what, hint="Leave it out: `diffkit evaluate` runs it on the nulls.")


def _row(planned: PlannedRun, claims: dict[str, str]) -> CalibrationRow:
    return CalibrationRow(
        run=planned.digest,
        method=planned.method.spec.name,
        rung=planned.pair.null_type,
        change_score=planned.change_score,
        claims=claims,
    )


def claims_about(
    null: PlannedRun, investigators: Sequence[ConfiguredPlugin], runner: AttemptRunner
) -> dict[str, str]:
    """Claims about a null by the investigators' keys; those without a verdict are left out."""
    if null.run is None:
        return {}
    evidence = Evidence(method=null.method.spec.name, findings=null.run.findings)
    case = Case(handle=f"pair-{null.digest[:8]}", evidence=(evidence,))
    verdicts = {plugin_key(one): runner.run(case, one).verdict for one in investigators}
    return {key: verdict.claim or "" for key, verdict in verdicts.items() if verdict}
