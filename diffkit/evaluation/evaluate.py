"""Carries out a plan: runs, then attempts, then grades, each stored before the next reads it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from diffkit.errors import RunFailed
from diffkit.evaluation.attempts import attempt
from diffkit.evaluation.grades import answer_of, exam, grade
from diffkit.evaluation.record import Entry, Evaluation, Judged
from diffkit.evaluation.suite import Component, Pair, Plan, texts_of
from diffkit.grader import Exam
from diffkit.investigator import Case, NullScores
from diffkit.runs.execute import Execution
from diffkit.runs.spec import PairSpec, RunSpec
from diffkit.runs.store import Store
from diffkit.runs.sweep import Result, batches, run_batches
from diffkit.texts import Texts
from diffkit.verdict import Attempt


@dataclass(frozen=True)
class _Cell:
    """One pair under one method and seed, and its run."""

    pair: Pair
    method: Component
    seed: int
    texts: Texts
    result: Result

    @property
    def conditions(self) -> tuple[str, str, int]:
        """What a calibration null must share with the pair that it calibrates."""
        return (self.pair.selected.base.name, self.method.spec.name, self.seed)


_Nulls = Mapping[tuple[str, str, int], tuple[NullScores, ...]]
"""Calibration by conditions."""


def evaluate(
    plan: Plan,
    store: Store,
    execution: Execution,
    *,
    watch: Callable[[Result], None] = lambda _: None,
) -> Evaluation:
    """Runs whatever of ``plan`` the store does not hold yet, and records the evaluation.

    Args:
        plan: the expanded suite.
        store: where everything is kept, and found again by the next call.
        execution: how runs are executed; where it is fresh, attempts and grades are made anew too.
        watch: called with each run's result as it comes.

    Raises:
        DiffkitError: an investigator or grader cannot be imported, before anything is run.
        StoreUnwritable: nothing further could be kept.
    """
    for component in (*plan.investigators, *plan.graders):
        component.spec.load()
    cells = _run(plan, store, execution, watch)
    nulls = _nulls(cells)
    entries = [
        _entry(cell, nulls, plan, store, fresh=execution.fresh)
        for cell in execution.progress(cells, label="verdicts", total=len(cells))
    ]
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
    plan: Plan, store: Store, execution: Execution, watch: Callable[[Result], None]
) -> list[_Cell]:
    bases = {pair.selected.base.name: pair.selected.base for pair in plan.pairs}
    texts = {name: texts_of(plan.suite, base) for name, base in bases.items()}
    planned = [
        (pair, method, seed, texts[pair.selected.base.name])
        for pair in plan.pairs
        for method in plan.methods
        for seed in plan.suite.seeds
    ]
    specs = [_spec(*cell) for cell in planned]
    results: dict[int, Result] = {}
    running = run_batches(batches(specs), store, execution)
    for result in execution.progress(running, label="runs", total=len(specs)):
        results[id(result.spec)] = result
        watch(result)
    return [_Cell(*cell, results[id(spec)]) for cell, spec in zip(planned, specs, strict=True)]


def _spec(pair: Pair, method: Component, seed: int, texts: Texts) -> RunSpec:
    base = pair.selected.base
    sides = PairSpec(base.source, pair.selected.finetuned, base.dtype, base.attention)
    return RunSpec(method.spec, method.config, sides, texts, seed)


def _nulls(cells: list[_Cell]) -> _Nulls:
    """Scores of the calibration draws; a rung whose runs all failed is there, and empty."""
    found: dict[tuple[str, str, int], dict[str, list[float]]] = {}
    for cell in cells:
        if cell.pair.role == "calibration":
            scores = found.setdefault(cell.conditions, {}).setdefault(cell.pair.rung, [])
            run = cell.result.run
            if run is not None and run.manifest.change_score is not None:
                scores.append(run.manifest.change_score)
    return {
        conditions: tuple(
            NullScores(rung=rung, scores=tuple(sorted(scores)))
            for rung, scores in sorted(rungs.items())
        )
        for conditions, rungs in found.items()
    }


def _entry(cell: _Cell, nulls: _Nulls, plan: Plan, store: Store, *, fresh: bool) -> Entry:
    selected, judged = cell.pair.selected, []
    if cell.pair.role == "test":
        case = _case(cell, nulls)
        paper = exam(cell.pair, plan.pairs, cell.texts)
        for investigator in plan.investigators:
            made = attempt(case, investigator, store, fresh=fresh)
            for grader in plan.graders:
                judged.append(_judge(made, paper, investigator, grader, store, fresh=fresh))
    return Entry(
        organism=selected.organism.name,
        family=selected.organism.family,
        truth=selected.organism.truth,
        answer=answer_of(selected.organism) or "",
        lexical=selected.organism.lexical,
        base=selected.base.name,
        variant=selected.variant,
        role=cell.pair.role,
        method=cell.method.spec.name,
        seed=cell.seed,
        run=cell.result.digest,
        error=cell.result.error,
        judged=tuple(judged),
    )


def _judge(
    made: Attempt,
    paper: Exam,
    investigator: Component,
    grader: Component,
    store: Store,
    *,
    fresh: bool,
) -> Judged:
    """One grade; a grader that raises costs that grade alone."""
    digest, error = "", ""
    try:
        digest = grade(made, paper, grader, store, fresh=fresh)
    except RunFailed as failure:
        error = str(failure)
    return Judged(
        investigator=investigator.spec.name,
        grader=grader.spec.name,
        attempt=made.digest,
        grade=digest,
        error=error,
    )


def _case(cell: _Cell, nulls: _Nulls) -> Case | None:
    if cell.result.run is None:
        return None
    return Case(
        handle=f"pair-{cell.result.digest[:8]}",
        evidence=cell.result.run.findings,
        nulls=nulls.get(cell.conditions, ()),
    )
