"""Makes one grade: what the grader may use, the grade's key, and the grade itself."""

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
from functools import lru_cache
from pathlib import Path

from diffkit.chat.prices import Prices
from diffkit.chat.transcript import TRANSCRIPT_FILE, Transcript
from diffkit.errors import RunFailed, one_line
from diffkit.evaluation.plan import ConfiguredPlugin, plugin_identity
from diffkit.evaluation.record import StoredAnswerCache, read_grade
from diffkit.grader import AnswerSheet, Grade, TruthStatement
from diffkit.runs.digest import digest
from diffkit.runs.files import read_or_warn
from diffkit.runs.store import Store
from diffkit.verdict import Attempt

FIELDS_NOT_GRADED = frozenset({"seconds", "usage", "guesses", "questions"})
"""Fields of an attempt that no grade depends on: what the attempt cost."""


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


@dataclass
class GradeRunner:
    """Runs graders on attempts; a grade that the store holds is not made again."""

    store: Store
    fresh: bool = False
    """Whether grades are made although the store holds them."""
    prices: Prices = field(default_factory=Prices)
    _made: set[str] = field(default_factory=set)
    """Keys of the grades that were made or found already."""
    _failed: dict[str, RunFailed] = field(default_factory=dict)
    """Errors of graders by key; a failed grade is not tried again."""

    def key(
        self,
        attempt: Attempt,
        answer_sheet: AnswerSheet,
        grader: ConfiguredPlugin,
        environment: GradingEnvironment,
    ) -> str:
        """The digest by which the store keeps the grade.

        It includes the content of the attempt and not only its digest, since a failed attempt is
        made again and may end differently.
        """
        graded = environment.grades_attempt
        excluded = set(FIELDS_NOT_GRADED if graded else type(attempt).model_fields)
        content = attempt.model_dump(mode="json", exclude=excluded)
        # stored keys call the answer sheet by an older word
        inputs = {"attempt": content, "exam": _answer_sheet_content(answer_sheet)}
        return digest({**inputs, **environment.key_extras, **plugin_identity(grader)})

    def is_missing(self, key: str) -> bool:
        """Whether the grade has yet to be made."""
        if key in self._made:
            return False
        if self.fresh or not self.store.has("grades", key):
            return True
        return read_or_warn(partial(read_grade, self.store, key)) is None

    def grade(
        self,
        attempt: Attempt,
        answer_sheet: AnswerSheet,
        grader: ConfiguredPlugin,
        environment: GradingEnvironment | None = None,
    ) -> str:
        """Grades ``attempt``; the digest of the grade.

        Raises:
            RunFailed: the grader failed.
        """
        environment = GradingEnvironment() if environment is None else environment
        key = self.key(attempt, answer_sheet, grader, environment)

        def make(folder: Path) -> None:
            chat = self._chat(key, folder / TRANSCRIPT_FILE)
            grade = _run_grader(attempt, answer_sheet, grader, environment, chat)
            text = grade.model_dump_json(indent=1) + "\n"
            (folder / "grade.json").write_text(text, encoding="utf-8")

        if key in self._failed:
            raise self._failed[key]
        try:
            self.store.get_or_create("grades", key, make, fresh=self.is_missing(key))
        except RunFailed as failure:
            self._failed[key] = failure
            raise
        self._made.add(key)
        return key

    def _chat(self, key: str, transcript: Path) -> ChatSession:
        transcript.unlink(missing_ok=True)
        cache = StoredAnswerCache(self.store, refresh=self.fresh)
        return ChatSession(0, key, Transcript(transcript), cache, prices=self.prices)


def _answer_sheet_content(answer_sheet: AnswerSheet) -> dict[str, object]:
    """Content of an answer sheet; long parts, which hundreds of sheets share, as digests."""
    long = {"reference": answer_sheet.reference, "null_claims": answer_sheet.null_claims}
    digests = {name: _texts_digest(texts) for name, texts in long.items()}
    digests["statements"] = _statements_digest(answer_sheet.statements)
    return {**answer_sheet.model_dump(mode="json", exclude=set(digests)), **digests}


@lru_cache(maxsize=64)
def _texts_digest(texts: tuple[str, ...]) -> str:
    return digest(list(texts))


@lru_cache(maxsize=64)
def _statements_digest(statements: tuple[TruthStatement, ...]) -> str:
    return digest([statement.model_dump(mode="json") for statement in statements])


def _run_grader(
    attempt: Attempt,
    answer_sheet: AnswerSheet,
    grader: ConfiguredPlugin,
    environment: GradingEnvironment,
    chat: ChatSession,
) -> Grade:
    try:
        context = environment.open(chat)
        grade = grader.spec.load().grade(attempt, answer_sheet, grader.config, context)
        if not isinstance(grade, Grade):
            msg = f"grade() returned {type(grade).__name__}, not Grade"
            raise TypeError(msg)
    except (Exception, SystemExit) as error:
        what = f"The grader {grader.spec.name!r} failed: {one_line(error)}"
        raise RunFailed(what) from error
    return grade.model_copy(update={"usage": chat.usage}) if chat.usage else grade
