"""Evaluates a plan: makes the runs, then the attempts, then the grades, and records them.

Each step stores its results before the next one reads them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from diffkit.chat.prices import Prices
from diffkit.errors import UserError
from diffkit.evaluation.attempts.arms import ArmInputs, all_oracle_findings
from diffkit.evaluation.attempts.cases import CaseBuilder
from diffkit.evaluation.attempts.model_pool import ModelPool
from diffkit.evaluation.attempts.runner import AttemptEnvironmentFactory, AttemptRunner
from diffkit.evaluation.attempts.scheduler import AttemptScheduler
from diffkit.evaluation.calibration.nulls import DetectionTest, calibration_scores
from diffkit.evaluation.calibration.table import CalibrationRow
from diffkit.evaluation.cost import CostEstimate, estimate_cost
from diffkit.evaluation.expression.gate import refuse_inert
from diffkit.evaluation.expression.retention import refuse_collapsed
from diffkit.evaluation.grading.answer_sheets import AnswerSheetBuilder, collect_null_claims
from diffkit.evaluation.grading.runner import GradeRunner, GradingEnvironmentFactory
from diffkit.evaluation.grading.scheduler import GradingScheduler
from diffkit.evaluation.plan import Plan, plugin_key, reference_texts_of
from diffkit.evaluation.planned_runs import (
    PlannedRun,
    RunConditions,
    fill_from_calibration_tables,
    plan_runs,
    run_planned,
)
from diffkit.evaluation.record import Evaluation, EvaluationEntry
from diffkit.evaluation.truths import true_statements
from diffkit.investigator import UsageEstimate
from diffkit.runs.execution import ExecutionOptions
from diffkit.runs.store import Store
from diffkit.runs.sweep import RunResult

DEFAULT_WORKERS = 8
"""Number of concurrent attempts, or grades, that use language models."""


def _noop(_: object) -> None:
    """Ignores its argument."""


@dataclass(frozen=True)
class EvaluationOptions:
    """How an evaluation is executed; does not affect its results."""

    tables: Mapping[str, CalibrationRow] = field(default_factory=dict)
    """Rows of calibration tables by digest of the run; they replace runs that the store does not
    hold."""
    allow_inert: bool = False
    """Whether organisms that do not show their behaviour are evaluated all the same."""
    allow_collapsed: bool = False
    """Whether organisms that lost most of their base's right answers are evaluated all the same."""
    on_run_result: Callable[[RunResult], None] = _noop
    """Called with the result of each run."""
    confirm_cost: Callable[[CostEstimate], None] = _noop
    """Called with the most that language models may cost, before they are called; raises to
    stop."""
    workers: int = DEFAULT_WORKERS
    """Number of concurrent attempts, or grades, that use language models."""


def evaluate(
    plan: Plan, store: Store, execution: ExecutionOptions, options: EvaluationOptions | None = None
) -> Evaluation:
    """Makes the runs, attempts and grades of ``plan`` that the store does not hold, and records it.

    Args:
        plan: the expanded suite.
        store: where all results are kept; those that it holds are not made again.
        execution: how runs are executed; where it is fresh, attempts and grades are made again too,
            and calibration tables are not used.
        options: how the rest is executed.

    Raises:
        UserError: an organism fails the gate, or a grader may not grade an investigator,
            before anything is run; or the cost was not confirmed.
        DiffkitError: an investigator or grader cannot be imported, before anything is run.
        StoreUnwritable: a result could not be stored.
    """
    options = EvaluationOptions() if options is None else options
    check_plugins(plan)
    notes = refuse_inert(plan, store, execution, allow_inert=options.allow_inert)
    notes += refuse_collapsed(plan, store, execution, allow_collapsed=options.allow_collapsed)
    planned_runs = plan_runs(plan)
    if not execution.fresh:
        keys = list(map(plugin_key, plan.investigators))
        planned_runs = fill_from_calibration_tables(planned_runs, options.tables, keys, store)
    planned_runs = run_planned(planned_runs, store, execution, options.on_run_result)
    pool = ModelPool(execution.device, plan.generator)
    try:
        entries = _attempt_and_grade(
            plan, planned_runs, store=store, execution=execution, options=options, pool=pool
        )
    except Exception:  # not on Ctrl-C: other threads may use the pool, and the process ends
        pool.close()
        raise
    pool.close()
    evaluation = Evaluation(
        name=plan.suite.name,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        texts=tuple(sorted({planned.texts.digest for planned in planned_runs})),
        calibration=tuple(sorted({pair.null_type for pair in plan.pairs if pair.null_type})),
        graders={one.spec.name: plugin_key(one) for one in plan.graders},
        notes=(*notes, *_table_notes(planned_runs)),
        entries=tuple(entries),
    )
    evaluation.save(store)
    return evaluation


def check_plugins(plan: Plan) -> None:
    """Imports the investigators, graders and generator, and validates their options."""
    for plugin in (*plan.investigators, *plan.graders, plan.generator):
        if plugin:
            plugin.spec.load()
    for investigator in plan.investigators:
        investigator.spec.load().validate(investigator.config)
        for grader in plan.graders:
            grader.spec.load().validate(grader.config, investigator.config)
    for plugin in (*plan.investigators, *plan.graders):
        _check_cap(plugin.spec.load().estimate(plugin.config), plan.prices)


def _check_cap(estimate: UsageEstimate | None, prices: Prices) -> None:
    """Refuses a cap in dollars where the price of the model is unknown."""
    if estimate and estimate.dollars and prices.get(estimate.model) is None:
        what = f"max_dollars cannot be kept: the price of {estimate.model!r} is unknown."
        example = f"models: {{{estimate.model}: {{input: 1.25, output: 10}}}}"
        raise UserError(what, hint=f"Give --prices FILE with {example}, or leave the cap out.")


def _attempt_and_grade(
    plan: Plan,
    planned_runs: Sequence[PlannedRun],
    *,
    store: Store,
    execution: ExecutionOptions,
    options: EvaluationOptions,
    pool: ModelPool,
) -> list[EvaluationEntry]:
    """Makes the attempts, then the grades; the entries of all planned runs."""

    def confirm_cost(estimates: Sequence[UsageEstimate | None]) -> None:
        cost = estimate_cost(estimates, plan.prices)
        if cost.items:
            options.confirm_cost(cost)

    reference_texts = reference_texts_by_base(plan)
    truths = true_statements(plan.pairs)
    oracle = all_oracle_findings(plan, reference_texts)
    arm_inputs = ArmInputs(plan, planned_runs, oracle)
    attempts = AttemptScheduler(
        plan,
        CaseBuilder(calibration_scores(planned_runs), truths),
        AttemptEnvironmentFactory(pool, store),
        AttemptRunner(store, execution.fresh, plan.prices),
        options.workers,
        confirm_cost,
    ).run(arm_inputs, execution.progress)
    claims = collect_null_claims(planned_runs, plan.investigators, attempts)
    return GradingScheduler(
        plan,
        GradeRunner(store, execution.fresh, plan.prices),
        AnswerSheetBuilder(reference_texts, truths, claims),
        GradingEnvironmentFactory(pool),
        attempts,
        DetectionTest(attempts, nulls_by_conditions(planned_runs), plan.suite.alpha),
        options.workers,
        confirm_cost,
    ).run(planned_runs, arm_inputs.tests(), execution.progress)


def nulls_by_conditions(
    planned_runs: Sequence[PlannedRun],
) -> dict[RunConditions, list[PlannedRun]]:
    """The calibration nulls by what they share with the runs that are compared with them."""
    found: dict[RunConditions, list[PlannedRun]] = {}
    for planned in planned_runs:
        if planned.pair.role == "calibration":
            found.setdefault(planned.conditions, []).append(planned)
    return found


def reference_texts_by_base(plan: Plan) -> dict[str, tuple[str, ...]]:
    """Ordinary texts of each base of a plan."""
    bases = {pair.selected.base.name: pair.selected.base for pair in plan.pairs}
    texts = {name: reference_texts_of(plan.suite, base) for name, base in bases.items()}
    return {name: tuple(map(str, found.items)) for name, found in texts.items()}


def _table_notes(planned_runs: Sequence[PlannedRun]) -> tuple[str, ...]:
    count = sum(planned.calibration_row is not None for planned in planned_runs)
    if not count:
        return ()
    note = f"{count} calibration runs come from tables that were computed before"
    return (f"{note}; --fresh computes them here.",)
