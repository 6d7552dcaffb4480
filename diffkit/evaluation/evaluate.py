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
from diffkit.evaluation.attempts.environment import AttemptEnvironmentFactory
from diffkit.evaluation.attempts.model_pool import ModelPool
from diffkit.evaluation.attempts.runner import AttemptRunner
from diffkit.evaluation.attempts.scheduler import AttemptScheduler
from diffkit.evaluation.calibration.nulls import DetectionTest, calibration_scores
from diffkit.evaluation.calibration.table import CalibrationRow
from diffkit.evaluation.cost import CostEstimate, estimate_cost
from diffkit.evaluation.expression.gate import refuse_inert
from diffkit.evaluation.grading.answer_sheets import AnswerSheetBuilder, null_claims
from diffkit.evaluation.grading.environment import GradingEnvironmentFactory
from diffkit.evaluation.grading.runner import GradeRunner
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
"""Attempts and grades of language models side by side."""


def _noop(_: object) -> None:
    """Watches nothing, and agrees to everything."""


@dataclass(frozen=True)
class EvaluationOptions:
    """How an evaluation is carried out; plays no part in what is found."""

    tables: Mapping[str, CalibrationRow] = field(default_factory=dict)
    """Calibration runs that were made before, by digest; those that the store does not hold are not
    run."""
    allow_inert: bool = False
    """Whether organisms that do not do what their truth says are let through."""
    watch: Callable[[RunResult], None] = _noop
    """Called with each run's result as it comes."""
    agree: Callable[[CostEstimate], None] = _noop
    """Called with what language models may be asked at most, before they are; raises to stop."""
    workers: int = DEFAULT_WORKERS
    """Attempts and grades of language models side by side."""


def evaluate(
    plan: Plan, store: Store, execution: ExecutionOptions, conduct: EvaluationOptions | None = None
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
    conduct = EvaluationOptions() if conduct is None else conduct
    _check(plan)
    notes = refuse_inert(plan, store, execution, allow_inert=conduct.allow_inert)
    cells = plan_runs(plan)
    if not execution.fresh:
        keys = list(map(plugin_key, plan.investigators))
        cells = fill_from_calibration_tables(cells, conduct.tables, keys, store)
    cells = run_planned(cells, store, execution, conduct.watch)
    arenas = ModelPool(execution.device, plan.generator)
    try:
        entries = _attempt_and_grade(
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
        graders={one.spec.name: plugin_key(one) for one in plan.graders},
        notes=(*notes, *_table_notes(cells)),
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
        investigator.spec.load().validate(investigator.config)
        for grader in plan.graders:
            grader.spec.load().validate(grader.config, investigator.config)
    for component in (*plan.investigators, *plan.graders):
        _check_cap(component.spec.load().estimate(component.config), plan.prices)


def _check_cap(most: UsageEstimate | None, prices: Prices) -> None:
    """A cap in dollars that nobody could keep is refused."""
    if most and most.dollars and prices.get(most.model) is None:
        what = f"max_dollars cannot be kept: the price of {most.model!r} is unknown."
        example = f"models: {{{most.model}: {{input: 1.25, output: 10}}}}"
        raise UserError(what, hint=f"Give --prices FILE with {example}, or leave the cap out.")


def _attempt_and_grade(
    plan: Plan,
    cells: Sequence[PlannedRun],
    *,
    store: Store,
    execution: ExecutionOptions,
    conduct: EvaluationOptions,
    arenas: ModelPool,
) -> list[EvaluationEntry]:
    """What investigators say of the cells, graded."""

    def agree(estimates: Sequence[UsageEstimate | None]) -> None:
        asked = estimate_cost(estimates, plan.prices)
        if asked.items:
            conduct.agree(asked)

    references = _reference_texts(plan)
    truths = true_statements(plan.pairs)
    sittings = ArmInputs(plan, cells, all_oracle_findings(plan, references))
    interview = AttemptScheduler(
        plan,
        CaseBuilder(calibration_scores(cells), truths),
        AttemptEnvironmentFactory(arenas, store),
        AttemptRunner(store, execution.fresh, plan.prices),
        conduct.workers,
        agree,
    )
    said = interview(sittings, execution.progress)
    grading = GradingScheduler(
        plan,
        GradeRunner(store, execution.fresh, plan.prices),
        AnswerSheetBuilder(references, truths, null_claims(cells, plan.investigators, said)),
        GradingEnvironmentFactory(arenas),
        said,
        DetectionTest(said, _nulls_by_conditions(cells), plan.suite.alpha),
        conduct.workers,
        agree,
    )
    return grading(cells, sittings.tests(), execution.progress)


def _nulls_by_conditions(cells: Sequence[PlannedRun]) -> dict[RunConditions, list[PlannedRun]]:
    found: dict[RunConditions, list[PlannedRun]] = {}
    for cell in cells:
        if cell.pair.role == "calibration":
            found.setdefault(cell.conditions, []).append(cell)
    return found


def _reference_texts(plan: Plan) -> dict[str, tuple[str, ...]]:
    """Ordinary texts of each base of a plan."""
    bases = {pair.selected.base.name: pair.selected.base for pair in plan.pairs}
    texts = {name: reference_texts_of(plan.suite, base) for name, base in bases.items()}
    return {name: tuple(map(str, found.items)) for name, found in texts.items()}


def _table_notes(cells: list[PlannedRun]) -> tuple[str, ...]:
    count = sum(cell.known is not None for cell in cells)
    if not count:
        return ()
    said = f"{count} calibration runs come from tables that were computed before"
    return (f"{said}; --fresh computes them here.",)
