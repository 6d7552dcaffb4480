"""What a grader may use in addition to the attempt and the answer sheet."""

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
    """Findings, texts and models that a grader may use for one grade."""

    key_extras: Mapping[str, object] = field(default_factory=dict)
    """Digests of the findings, texts and models that may be used; part of the grade's key."""
    open: Callable[[ChatSession], GradeContext] = _chat_only
    """Gives access to them."""
    grades_attempt: bool = True
    """Whether the grade depends on the attempt."""


@dataclass
class GradingEnvironmentFactory:
    """Builds the environment of each grade."""

    pool: ModelPool
    _training_texts: dict[tuple[str, ...], Texts | None] = field(default_factory=dict)
    """Training texts by the paths of their files."""

    def build(self, arm_input: ArmInput, grader: Grader[Any]) -> GradingEnvironment:
        """The environment of one grade, with only what the grader needs."""
        needs: frozenset[GraderNeed] = grader.needs - {"null_claims"}
        if not needs:
            return GradingEnvironment(grades_attempt=grader.grades_attempt)
        source, planned = _single_run(arm_input), arm_input.planned
        extras: dict[str, object] = {"engine": ENGINE_VERSION}
        if "findings" in needs:
            extras["findings"] = source.digest if source else ""
        if "training" in needs:
            training = self._training(planned.pair.selected.organism)
            extras["training"] = training.digest if training else ""
        if needs & {"pair", "generators"}:
            extras["models"] = pair_digest(planned.models)
        if "generators" in needs:
            extras["generator"] = self.pool.generator_identity
        opened = partial(self._open, arm_input, needs)
        return GradingEnvironment(extras, opened, grader.grades_attempt)

    def _open(
        self, arm_input: ArmInput, needs: frozenset[GraderNeed], chat: ChatSession
    ) -> GradeContext:
        context, source = GradeContext(chat=chat), _single_run(arm_input)
        planned = arm_input.planned
        if "findings" in needs and source and source.run:
            context.findings, context.artifacts = source.run.findings, source.run.artifacts
        if "training" in needs:
            context.training = self._training(planned.pair.selected.organism)
        if "pair" in needs:
            context.pair = lambda: self._pair(planned)
        if "generators" in needs:
            context.generators = lambda: self._generators(planned)
        return context

    @contextmanager
    def _pair(self, planned: PlannedRun) -> "Iterator[ModelPair]":
        with self.pool.acquire([planned.models]) as (loaded,):
            yield loaded.pair()

    @contextmanager
    def _generators(self, planned: PlannedRun) -> Iterator[GeneratorPair]:
        with self.pool.acquire([planned.models]) as (loaded,):
            yield loaded.generators()

    def _training(self, organism: Organism) -> Texts | None:
        paths = tuple(map(str, organism.training_data))
        if paths not in self._training_texts:
            texts = training_texts(organism)
            self._training_texts[paths] = Texts(items=texts) if texts else None
        return self._training_texts[paths]


def can_grade(grader: Grader[Any], arm_input: ArmInput) -> bool:
    """Whether the arm holds what ``grader`` grades: an attempt, or findings of one method."""
    return grader.grades_attempt or _single_run(arm_input) is not None


def _single_run(arm_input: ArmInput) -> PlannedRun | None:
    """The only run whose findings are given unaltered; none where there are several, or none."""
    return arm_input.sources[0] if len(arm_input.unaltered_sources) == 1 else None
