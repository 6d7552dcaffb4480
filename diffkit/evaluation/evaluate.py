"""Carries out a plan: runs, then attempts, then grades, each stored before the next reads it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from diffkit.evaluation.attempts import attempt
from diffkit.evaluation.grades import exam, grade
from diffkit.evaluation.record import Entry, Evaluation, Judged
from diffkit.evaluation.suite import Component, Pair, Plan, texts_of
from diffkit.investigator import Case, NullScores
from diffkit.runs.execute import Execution
from diffkit.runs.spec import PairSpec, RunSpec
from diffkit.runs.store import Store
from diffkit.runs.sweep import Result, batches, run_batches
from diffkit.texts import Texts


@dataclass(frozen=True)
class _Cell:
    """One pair under one method and seed, and its run."""

    pair: Pair
    method: Component
    seed: int
    texts: Texts
    result: Result

    @property
    def same_conditions(self) -> tuple[str, str, int]:
        """What a calibration null must share with the pair that it calibrates."""
        return (self.pair.selected.base.name, self.method.spec.name, self.seed)


def evaluate(
    plan: Plan,
    store: Store,
    execution: Execution,
    *,
    fresh: bool = False,
    watch: Callable[[Result], None] = lambda _: None,
) -> Evaluation:
    """Runs whatever of ``plan`` the store does not hold yet, and records the evaluation.

    Args:
        plan: the expanded suite.
        store: where everything is kept, and found again by the next call.
        execution: how runs are executed.
        fresh: whether stored runs are computed anew.
        watch: called with each run's result as it comes.
    """
    cells = _run(plan, store, execution, fresh, watch)
    entries = [_entry(cell, cells, plan, store) for cell in cells]
    evaluation = Evaluation(
        name=plan.suite.name,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        texts=tuple(sorted({cell.texts.digest for cell in cells})),
        calibration=tuple(sorted({item.rung for item in plan.suite.calibration})),
        entries=tuple(entries),
    )
    evaluation.save(store)
    return evaluation


def _run(
    plan: Plan, store: Store, execution: Execution, fresh: bool, watch: Callable[[Result], None]
) -> list[_Cell]:
    planned = [
        (pair, method, seed, texts_of(plan.suite, pair))
        for pair in plan.pairs
        for method in plan.methods
        for seed in plan.suite.seeds
    ]
    specs = [_spec(pair, method, seed, texts) for pair, method, seed, texts in planned]
    total = len(specs)
    results: dict[int, Result] = {}
    running = run_batches(batches(specs), store, execution, fresh=fresh)
    for result in execution.progress(running, label="runs", total=total):
        results[id(result.spec)] = result
        watch(result)
    return [
        _Cell(pair, method, seed, texts, results[id(spec)])
        for (pair, method, seed, texts), spec in zip(planned, specs, strict=True)
    ]


def _spec(pair: Pair, method: Component, seed: int, texts: Texts) -> RunSpec:
    base = pair.selected.base
    sides = PairSpec(base.source, pair.selected.finetuned, base.dtype, base.attention)
    return RunSpec(method.spec, method.config, sides, texts, seed)


def _entry(cell: _Cell, cells: Sequence[_Cell], plan: Plan, store: Store) -> Entry:
    judged = _judge(cell, cells, plan, store) if cell.pair.role == "test" else ()
    selected = cell.pair.selected
    return Entry(
        organism=selected.organism.name,
        family=selected.organism.family,
        truth=selected.organism.truth,
        base=selected.base.name,
        variant=selected.variant,
        role=cell.pair.role,
        method=cell.method.spec.name,
        seed=cell.seed,
        run=cell.result.digest,
        error=cell.result.error,
        judged=tuple(judged),
    )


def _judge(cell: _Cell, cells: Sequence[_Cell], plan: Plan, store: Store) -> list[Judged]:
    case = _case(cell, cells)
    paper = exam(cell.pair, plan.pairs, cell.texts)
    judged = []
    for investigator in plan.investigators:
        made = attempt(case, investigator, store)
        for grader in plan.graders:
            judged.append(
                Judged(
                    investigator=investigator.spec.name,
                    grader=grader.spec.name,
                    attempt=made.digest,
                    grade=grade(made, paper, grader, store),
                )
            )
    return judged


def _case(cell: _Cell, cells: Sequence[_Cell]) -> Case | None:
    if cell.result.run is None:
        return None
    return Case(
        handle=f"pair-{cell.result.digest[:8]}",
        evidence=cell.result.run.findings,
        nulls=tuple(_null_scores(cell, cells)),
    )


def _null_scores(cell: _Cell, cells: Sequence[_Cell]) -> list[NullScores]:
    rungs: dict[str, list[float]] = {}
    for other in cells:
        if other.pair.role != "calibration" or other.same_conditions != cell.same_conditions:
            continue
        scores = rungs.setdefault(other.pair.rung, [])
        if other.result.run and (score := other.result.run.findings.change_score) is not None:
            scores.append(score)
    return [NullScores(rung=rung, scores=tuple(sorted(rungs[rung]))) for rung in sorted(rungs)]
