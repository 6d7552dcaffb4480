"""The cells of an evaluation: each pair under each method and seed, and its run."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from diffkit.errors import DiffkitError
from diffkit.evaluation.calibrated import Calibrated
from diffkit.evaluation.grades import answer_of
from diffkit.evaluation.plan import Component, Pair, Plan, texts_of
from diffkit.runs.execute import Execution
from diffkit.runs.manifest import StoredRun
from diffkit.runs.spec import RunSpec
from diffkit.runs.store import Store
from diffkit.runs.subject import PairSpec
from diffkit.runs.sweep import Result, batches, run_batches
from diffkit.texts import Texts


class Conditions(NamedTuple):
    """What cells must share to be compared: a calibration null with the pair it calibrates, say."""

    base: str
    method: str
    seed: int


Key = tuple[str, str, str, str, int]
"""Organism, base, variant, method and seed."""


@dataclass(frozen=True)
class Cell:
    """One pair under one method and seed, and its run."""

    pair: Pair
    method: Component
    seed: int
    texts: Texts
    known: Calibrated | None = None
    """What a table says of the run, which was not made then."""
    result: Result | None = None
    """How the run ended; none where a table took its place."""

    @property
    def key(self) -> Key:
        """What tells it from the other cells under test."""
        one = self.pair.selected
        names = (one.organism.name, one.base.name, one.variant)
        return (*names, self.method.spec.name, self.seed)

    @property
    def conditions(self) -> Conditions:
        """What it shares with the cells that it is compared with."""
        return Conditions(self.pair.selected.base.name, self.method.spec.name, self.seed)

    @property
    def answer(self) -> str:
        """Handle of the truth; empty where nothing targeted was done."""
        return answer_of(self.pair.selected.organism) or ""

    @property
    def run(self) -> StoredRun | None:
        """The run; none where it failed, or a table took its place."""
        return self.result.run if self.result else None

    @property
    def digest(self) -> str:
        """Digest of the run; empty where a model cannot be used."""
        return self.known.run if self.known else self.result.digest if self.result else ""

    @property
    def subject(self) -> PairSpec:
        """Its two models."""
        base, finetuned = self.pair.selected.base, self.pair.selected.finetuned
        return PairSpec(base.source, finetuned, base.dtype, base.attention)

    @property
    def spec(self) -> RunSpec:
        """What is run."""
        return RunSpec(self.method.spec, self.method.config, self.subject, self.texts, self.seed)

    @property
    def change_score(self) -> float | None:
        """The method's score; none where it does not say, or its run failed."""
        if self.known:
            return self.known.change_score
        return self.run.manifest.change_score if self.run else None

    @property
    def error(self) -> str:
        """Why the run failed; empty where it did not."""
        return self.result.error if self.result else ""


def planned_cells(plan: Plan) -> list[Cell]:
    """Every cell of ``plan``, nothing run yet."""
    bases = {pair.selected.base.name: pair.selected.base for pair in plan.pairs}
    texts = {name: texts_of(plan.suite, base) for name, base in bases.items()}
    return [
        Cell(pair, method, seed, texts[pair.selected.base.name])
        for pair in plan.pairs
        for method in plan.methods
        for seed in plan.suite.seeds
    ]


def from_tables(
    cells: Sequence[Cell],
    tables: Mapping[str, Calibrated],
    investigators: Sequence[str],
    store: Store,
) -> list[Cell]:
    """``cells``, those marked as known that a table holds and the store does not.

    Args:
        cells: what is to be run.
        tables: calibration runs by digest.
        investigators: keys of the investigators that a table must hold the claims of.
        store: whatever it holds is taken from there.
    """
    return [_looked_up(cell, tables, investigators, store) for cell in cells]


def _looked_up(
    cell: Cell, tables: Mapping[str, Calibrated], investigators: Sequence[str], store: Store
) -> Cell:
    if cell.pair.role != "calibration" or not tables:
        return cell
    try:
        key = cell.spec.identity().digest
    except DiffkitError:
        return cell  # it fails as a run, which says why
    row = tables.get(key)
    if row is None or store.has("runs", key) or not set(investigators) <= set(row.claims):
        return cell
    return replace(cell, known=row)


def run_cells(
    cells: Sequence[Cell], store: Store, execution: Execution, watch: Callable[[Result], None]
) -> list[Cell]:
    """``cells``, each with its run, but for those that are known."""
    specs = [None if cell.known else cell.spec for cell in cells]
    pending = [spec for spec in specs if spec is not None]
    results: dict[int, Result] = {}
    running = run_batches(batches(pending), store, execution)
    for result in execution.progress(running, label="runs", total=len(pending)):
        results[id(result.spec)] = result
        watch(result)
    return [
        replace(cell, result=results[id(spec)]) if spec else cell
        for cell, spec in zip(cells, specs, strict=True)
    ]
