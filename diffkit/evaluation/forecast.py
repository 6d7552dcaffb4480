"""What evaluating a plan would make, what the store holds of it, and what it may cost.

Takes a plan and a store. Gives counts; makes and writes nothing.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace

from diffkit.engine.loading.model_files import NotDownloaded, without_downloads
from diffkit.errors import DiffkitError
from diffkit.evaluation.attempts.arms import ArmInput, ArmInputs, all_oracle_findings
from diffkit.evaluation.attempts.cases import CaseBuilder
from diffkit.evaluation.attempts.model_pool import ModelPool
from diffkit.evaluation.attempts.runner import AttemptEnvironmentFactory, AttemptRunner
from diffkit.evaluation.attempts.scheduler import AttemptScheduler, AttemptTask
from diffkit.evaluation.calibration.nulls import DetectionTest, calibration_scores
from diffkit.evaluation.calibration.table import CalibrationRow
from diffkit.evaluation.cost import CostEstimate, estimate_cost
from diffkit.evaluation.evaluate import (
    check_plugins,
    nulls_by_conditions,
    reference_texts_by_base,
)
from diffkit.evaluation.expression.gate import (
    gate_keys,
)
from diffkit.evaluation.grading.answer_sheets import (
    SHARED_GRADES,
    AnswerSheetBuilder,
    collect_null_claims,
)
from diffkit.evaluation.grading.runner import GradeRunner, GradingEnvironmentFactory, can_grade
from diffkit.evaluation.grading.scheduler import GradingScheduler
from diffkit.evaluation.leaderboard.cases import SHARED_ATTEMPTS
from diffkit.evaluation.plan import Plan, plugin_key
from diffkit.evaluation.planned_runs import (
    AttemptId,
    PlannedRun,
    fill_from_calibration_tables,
    plan_runs,
)
from diffkit.evaluation.record import Arm, read_attempt
from diffkit.evaluation.truths import true_statements
from diffkit.runs.execution import ExecutionOptions
from diffkit.runs.store import Store
from diffkit.runs.sweep import RunResult
from diffkit.verdict import Attempt


@dataclass
class WorkCount:
    """Counts of one kind of work."""

    kind: str
    """``expression checks``, ``retention checks``, ``runs``, ``attempts`` or ``grades``."""
    name: str
    """The method, investigator or grader; empty for checks."""
    stored: int = 0
    """How many the store holds."""
    from_tables: int = 0
    """How many calibration tables hold."""
    missing: int = 0
    """How many would be made, at most."""
    impossible: int = 0
    """How many name models that cannot be read."""


@dataclass(frozen=True)
class EvaluationForecast:
    """What an evaluation would make."""

    work: tuple[WorkCount, ...]
    cost: CostEstimate
    """The most that language models may be used."""
    exact: bool
    """Whether the counts are exact: all runs and attempts are in the store, or do not matter.
    Otherwise attempts and grades of runs to come count as missing."""


def forecast_evaluation(
    plan: Plan, store: Store, execution: ExecutionOptions, tables: Mapping[str, CalibrationRow]
) -> EvaluationForecast:
    """What `evaluate` would make of ``plan`` now. Models of a hub are not downloaded for it.

    Args:
        plan: the expanded suite.
        store: where results are looked up; it need not exist.
        execution: where it is fresh, nothing is found.
        tables: rows of calibration tables by digest of the run.

    Raises:
        UserError, DiffkitError: as `evaluate` before anything is run.
    """
    check_plugins(plan)
    with without_downloads(), closing(ModelPool(execution.device, plan.generator)) as pool:
        planned_runs = plan_runs(plan)
        if not execution.fresh:
            keys = list(map(plugin_key, plan.investigators))
            planned_runs = fill_from_calibration_tables(planned_runs, tables, keys, store)
        planned_runs = [_looked_up(planned, store, execution.fresh) for planned in planned_runs]
        return _Forecaster(plan, store, execution.fresh, planned_runs, pool).forecast()


def _looked_up(planned: PlannedRun, store: Store, fresh: bool) -> PlannedRun:
    """The planned run with the result that the store holds, or with why there can be none."""
    if planned.calibration_row:
        return planned
    spec = planned.spec
    try:
        digest = spec.identity().digest
        if fresh or not store.has("runs", digest):
            return planned
        return replace(planned, result=RunResult(spec, digest, "found", store.run(digest)))
    except NotDownloaded:
        return planned
    except DiffkitError as error:
        return replace(planned, result=RunResult(spec, "", "failed", failure=error))


class _PossibleArmInputs(ArmInputs):
    """The inputs of all arms, where runs to come may hold what the base says."""

    def _base_only(self, planned: PlannedRun, tests: Sequence[PlannedRun]) -> ArmInput | None:
        own = [one for one in tests if one.method.spec.name == planned.method.spec.name]
        if all(one.result for one in own):
            return super()._base_only(planned, tests)
        return ArmInput(planned, "base-only", (planned,))


class _Forecaster:
    """Counts what is in the store and what is missing, kind by kind."""

    def __init__(
        self,
        plan: Plan,
        store: Store,
        fresh: bool,
        planned_runs: Sequence[PlannedRun],
        pool: ModelPool,
    ) -> None:
        self.plan, self.store, self.fresh, self.pool = plan, store, fresh, pool
        self.planned_runs = planned_runs
        self.reference_texts = reference_texts_by_base(plan)
        self.truths = true_statements(plan.pairs)
        oracle = all_oracle_findings(plan, self.reference_texts)
        self.arm_inputs = _PossibleArmInputs(plan, planned_runs, oracle)
        cases = CaseBuilder(calibration_scores(planned_runs), self.truths)
        environments = AttemptEnvironmentFactory(pool, store)
        runner = AttemptRunner(store, fresh, plan.prices)
        self.scheduler = AttemptScheduler(plan, cases, environments, runner)
        self.open_conditions = {one.conditions for one in planned_runs if not _is_known(one)}
        self.stored_attempts: dict[AttemptId, str] = {}

    def forecast(self) -> EvaluationForecast:
        """All counts."""
        checks, runs = self._checks(), self._runs()
        tests = [*self.scheduler.tasks(self.arm_inputs.tests())]
        nulls = [*self.scheduler.tasks(self.arm_inputs.nulls())]
        missing = self._missing_attempts([*tests, *nulls])
        attempts = self._attempt_counts(missing)
        exact = not missing and not self.open_conditions
        grades = self._grades() if exact else self._possible_grades(tests)
        estimates = [
            plugin.spec.load().estimate(plugin.config)
            for plugin, count in zip(
                (*self.plan.investigators, *self.plan.graders), (*attempts, *grades), strict=True
            )
            for _ in range(count.missing)
        ]
        cost = estimate_cost(estimates, self.plan.prices)
        return EvaluationForecast((*checks, *runs, *attempts, *grades), cost, exact)

    def _checks(self) -> Iterator[WorkCount]:
        for kind, keys in gate_keys(self.plan).items():
            count = WorkCount(kind, "")
            for key in keys:
                self._count_check(count, key)
            if keys:
                yield count

    def _count_check(self, count: WorkCount, key: Callable[[], str]) -> None:
        try:
            stored = self.store.has("gates", key())
        except NotDownloaded:
            stored = False
        except DiffkitError:
            count.impossible += 1
            return
        if stored and not self.fresh:
            count.stored += 1
        else:
            count.missing += 1

    def _runs(self) -> list[WorkCount]:
        counts = {one.spec.name: WorkCount("runs", one.spec.name) for one in self.plan.methods}
        for planned in self.planned_runs:
            count = counts[planned.method.spec.name]
            if planned.calibration_row:
                count.from_tables += 1
            elif planned.result is None:
                count.missing += 1
            elif planned.run:
                count.stored += 1
            else:
                count.impossible += 1
        return [*counts.values()]

    def _missing_attempts(self, tasks: Sequence[AttemptTask]) -> list[AttemptTask]:
        """The attempts to be made, each once; notes the others."""
        missing: dict[object, AttemptTask] = {}
        for task in tasks:
            key = self._attempt_key(task)
            if key is None:
                missing[_open_key(task, SHARED_ATTEMPTS)] = task
            elif self.scheduler.runner.is_missing(key):
                missing[key] = task
            else:
                self.stored_attempts[task.attempt_id] = key
        return [*missing.values()]

    def _attempt_key(self, task: AttemptTask) -> str | None:
        """The key of an attempt; none where it depends on runs that are not made yet."""
        arm = task.arm_input
        if any(source.conditions in self.open_conditions for source in arm.sources):
            return None
        plugin = self.plan.investigators[task.investigator_index]
        try:
            case, environment = self.scheduler.prepare(task)
        except NotDownloaded:
            return None
        return self.scheduler.runner.key(case, plugin, environment)

    def _attempt_counts(self, missing: Sequence[AttemptTask]) -> list[WorkCount]:
        stored: list[set[str]] = [set() for _ in self.plan.investigators]
        for attempt_id, key in self.stored_attempts.items():
            stored[attempt_id.investigator_index].add(key)
        return [
            WorkCount(
                "attempts",
                plugin.spec.name,
                stored=len(stored[index]),
                missing=sum(task.investigator_index == index for task in missing),
            )
            for index, plugin in enumerate(self.plan.investigators)
        ]

    def _possible_grades(self, tests: Sequence[AttemptTask]) -> list[WorkCount]:
        """The most grades that may be missing: those of all attempts at pairs under test."""
        counts = []
        for plugin in self.plan.graders:
            grader = plugin.spec.load()
            gradable = {
                _open_key(task, SHARED_GRADES)
                for task in tests
                if can_grade(grader, task.arm_input)
            }
            counts.append(WorkCount("grades", plugin.spec.name, missing=len(gradable)))
        return counts

    def _grades(self) -> list[WorkCount]:
        """The grades of attempts that are all in the store."""
        attempts: dict[AttemptId, Attempt] = {
            attempt_id: read_attempt(self.store, key)
            for attempt_id, key in self.stored_attempts.items()
        }
        claims = collect_null_claims(self.planned_runs, self.plan.investigators, attempts)
        nulls = nulls_by_conditions(self.planned_runs)
        scheduler = GradingScheduler(
            self.plan,
            GradeRunner(self.store, self.fresh, self.plan.prices),
            AnswerSheetBuilder(self.reference_texts, self.truths, claims),
            GradingEnvironmentFactory(self.pool),
            attempts,
            DetectionTest(attempts, nulls, self.plan.suite.alpha),
        )
        counts = [WorkCount("grades", plugin.spec.name) for plugin in self.plan.graders]
        tasks = scheduler.tasks(self.arm_inputs.tests())
        for key, index in {scheduler.key(task): task.grader_index for task in tasks}.items():
            if scheduler.runner.is_missing(key):
                counts[index].missing += 1
            else:
                counts[index].stored += 1
        return counts


def _is_known(planned: PlannedRun) -> bool:
    """Whether a run's findings are known, or that there are none."""
    return planned.calibration_row is not None or planned.result is not None


def _open_key(task: AttemptTask, shared_arms: Collection[Arm]) -> object:
    """Identifies an attempt whose key is not known yet, or its grade: methods share some."""
    attempt_id, arm = task.attempt_id, task.arm_input.arm
    organism, base, variant, method, seed = attempt_id.run_id
    shared = "" if arm in shared_arms else method
    return organism, base, variant, shared, seed, *attempt_id[1:]
