"""Desks: what a grader may look at and ask beside attempt and exam."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from diffkit.evaluation.arenas import Arenas
from diffkit.evaluation.cases import Sitting, subject_digest
from diffkit.evaluation.cells import Cell
from diffkit.evaluation.grades import Desk
from diffkit.evaluation.training import training_texts
from diffkit.generator import GeneratorPair
from diffkit.grader import GradeContext, Grader, GraderNeed
from diffkit.organism import Organism
from diffkit.runs.spec import ENGINE_VERSION
from diffkit.talk import Talk
from diffkit.texts import Texts

if TYPE_CHECKING:
    from diffkit.engine.pair import ModelPair


@dataclass
class Desks:
    """Makes desks."""

    arenas: Arenas
    _taught: dict[tuple[str, ...], Texts | None] = field(default_factory=dict)

    def __call__(self, sitting: Sitting, grader: Grader[Any]) -> Desk:
        """The desk of one grade, with nothing on it that the grader does not need."""
        needs: frozenset[GraderNeed] = grader.needs - {"null_claims"}
        if not needs:
            return Desk(reads_attempt=grader.reads_attempt)
        source = _source(sitting)
        live: dict[str, object] = {"engine": ENGINE_VERSION}
        if "findings" in needs:
            live["findings"] = source.digest if source else ""
        if "training" in needs:
            training = self._training(sitting.cell.pair.selected.organism)
            live["training"] = training.digest if training else ""
        if needs & {"pair", "generators"}:
            live["models"] = subject_digest(sitting.cell.subject)
        if "generators" in needs:
            live["generator"] = self.arenas.identity
        context = partial(self._context, sitting, needs)
        return Desk(live, context, grader.reads_attempt)

    def _context(self, sitting: Sitting, needs: frozenset[GraderNeed], talk: Talk) -> GradeContext:
        context, source = GradeContext(talk=talk), _source(sitting)
        if "findings" in needs and source and source.run:
            context.findings, context.artifacts = source.run.findings, source.run.artifacts
        if "training" in needs:
            context.training = self._training(sitting.cell.pair.selected.organism)
        if "pair" in needs:
            context.pair = lambda: self._pair(sitting.cell)
        if "generators" in needs:
            context.generators = lambda: self._generators(sitting.cell)
        return context

    @contextmanager
    def _pair(self, cell: Cell) -> "Iterator[ModelPair]":
        with self.arenas.lend([cell.subject]) as (arena,):
            yield arena.pair()

    @contextmanager
    def _generators(self, cell: Cell) -> Iterator[GeneratorPair]:
        with self.arenas.lend([cell.subject]) as (arena,):
            yield arena.generators()

    def _training(self, organism: Organism) -> Texts | None:
        paths = tuple(map(str, organism.training_data))
        if paths not in self._taught:
            texts = training_texts(organism)
            self._taught[paths] = Texts(items=texts) if texts else None
        return self._taught[paths]


def graded_by(grader: Grader[Any], sitting: Sitting) -> bool:
    """Whether ``grader`` has anything to grade: one of findings needs those of one method."""
    return grader.reads_attempt or _source(sitting) is not None


def _source(sitting: Sitting) -> Cell | None:
    """The one cell whose findings were read as they are; none where there are several, or none."""
    return sitting.sources[0] if len(sitting.tooled) == 1 else None
