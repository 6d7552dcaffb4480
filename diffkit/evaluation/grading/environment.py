"""What a grader may use beside the attempt and the answer sheet."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from diffkit.chat.session import ChatSession
from diffkit.evaluation.attempts.arms import ArmInput
from diffkit.evaluation.attempts.cases import pair_digest
from diffkit.evaluation.attempts.model_pool import ModelPool
from diffkit.evaluation.planned_runs import PlannedRun
from diffkit.evaluation.truths import training_texts
from diffkit.generator import GeneratorPair
from diffkit.grader import GradeContext, Grader, GraderNeed
from diffkit.organism import Organism
from diffkit.runs.spec import ENGINE_VERSION
from diffkit.texts import Texts

if TYPE_CHECKING:
    from diffkit.engine.pair import ModelPair


def _chat_only(chat: ChatSession) -> GradeContext:
    return GradeContext(chat=chat)


@dataclass(frozen=True)
class GradingEnvironment:
    """What a grade is made with, beside attempt and exam."""

    live: Mapping[str, object] = field(default_factory=dict)
    """Digests of it; part of the grade's key."""
    context: Callable[[ChatSession], GradeContext] = _chat_only
    """Gathers it."""
    grades_attempt: bool = True
    """Whether the grade hangs on what was said."""


@dataclass
class GradingEnvironmentFactory:
    """Makes desks."""

    arenas: ModelPool
    _taught: dict[tuple[str, ...], Texts | None] = field(default_factory=dict)

    def __call__(self, sitting: ArmInput, grader: Grader[Any]) -> GradingEnvironment:
        """The desk of one grade, with nothing on it that the grader does not need."""
        needs: frozenset[GraderNeed] = grader.needs - {"null_claims"}
        if not needs:
            return GradingEnvironment(grades_attempt=grader.grades_attempt)
        source = _single_run(sitting)
        live: dict[str, object] = {"engine": ENGINE_VERSION}
        if "findings" in needs:
            live["findings"] = source.digest if source else ""
        if "training" in needs:
            training = self._training(sitting.cell.pair.selected.organism)
            live["training"] = training.digest if training else ""
        if needs & {"pair", "generators"}:
            live["models"] = pair_digest(sitting.cell.subject)
        if "generators" in needs:
            live["generator"] = self.arenas.identity
        context = partial(self._context, sitting, needs)
        return GradingEnvironment(live, context, grader.grades_attempt)

    def _context(
        self, sitting: ArmInput, needs: frozenset[GraderNeed], chat: ChatSession
    ) -> GradeContext:
        context, source = GradeContext(chat=chat), _single_run(sitting)
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
    def _pair(self, cell: PlannedRun) -> "Iterator[ModelPair]":
        with self.arenas.lend([cell.subject]) as (arena,):
            yield arena.pair()

    @contextmanager
    def _generators(self, cell: PlannedRun) -> Iterator[GeneratorPair]:
        with self.arenas.lend([cell.subject]) as (arena,):
            yield arena.generators()

    def _training(self, organism: Organism) -> Texts | None:
        paths = tuple(map(str, organism.training_data))
        if paths not in self._taught:
            texts = training_texts(organism)
            self._taught[paths] = Texts(items=texts) if texts else None
        return self._taught[paths]


def can_grade(grader: Grader[Any], sitting: ArmInput) -> bool:
    """Whether ``grader`` has anything to grade: one of findings needs those of one method."""
    return grader.grades_attempt or _single_run(sitting) is not None


def _single_run(sitting: ArmInput) -> PlannedRun | None:
    """The one cell whose findings were read as they are; none where there are several, or none."""
    return sitting.sources[0] if len(sitting.tooled) == 1 else None
