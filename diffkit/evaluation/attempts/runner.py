"""Makes one attempt: what the investigator may query, the attempt's key, and the attempt itself."""

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from diffkit.case import Case
from diffkit.chat.prices import Prices
from diffkit.chat.session import ChatSession
from diffkit.chat.transcript import (
    TRANSCRIPT_FILE,
    InterimVerdictEvent,
    Transcript,
    read_transcript,
)
from diffkit.errors import RunFailed, StoreError, one_line
from diffkit.evaluation.attempts.arms import ArmInput
from diffkit.evaluation.attempts.broker import BlindedModels, BlindedTool, make_blinding
from diffkit.evaluation.attempts.cases import pair_digest
from diffkit.evaluation.attempts.model_pool import ModelPool
from diffkit.evaluation.plan import ConfiguredPlugin, plugin_identity
from diffkit.evaluation.planned_runs import PlannedRun
from diffkit.evaluation.record import RETRIED_OUTCOMES, StoredAnswerCache, read_attempt
from diffkit.findings import Findings
from diffkit.investigator import AttemptContext, InvestigatorNeed, NoVerdict
from diffkit.runs.digest import digest
from diffkit.runs.files import read_or_warn
from diffkit.runs.method_tools import has_tools, tools_by_name
from diffkit.runs.spec import ENGINE_VERSION
from diffkit.runs.store import Store
from diffkit.verdict import Attempt, InterimVerdict, Outcome, Verdict

PRESENTATION_VERSION = 1
"""Raised when the same findings and answers may be presented in other words."""


@contextmanager
def _without_models(chat: ChatSession) -> Iterator[AttemptContext]:
    yield AttemptContext(chat=chat)


@dataclass(frozen=True)
class AttemptEnvironment:
    """The models and tools that an attempt may use in addition to its case."""

    repeat: int = 0
    key_extras: Mapping[str, object] = field(default_factory=dict)
    """Digests of the models and tools that may be queried; part of the attempt's key."""
    open: Callable[[ChatSession], AbstractContextManager[AttemptContext]] = _without_models
    """Loads the models and tools."""


@dataclass(frozen=True)
class AttemptEnvironmentFactory:
    """Builds the environment of each attempt."""

    pool: ModelPool
    store: Store

    def build(
        self,
        arm_input: ArmInput,
        case: Case | None,
        needs: frozenset[InvestigatorNeed],
        repeat: int,
    ) -> AttemptEnvironment:
        """The environment of one attempt, with only what the investigator needs."""
        if case is None:
            return AttemptEnvironment()
        with_tools = _runs_with_tools(arm_input) if "tools" in needs else ()
        extras: dict[str, object] = {}
        if case.questions:
            extras["models"] = pair_digest(arm_input.planned.models)
            extras["generator"] = self.pool.generator_identity
        if with_tools:
            extras["tools"] = [planned.digest for planned in with_tools]
        if extras:
            extras |= {"engine": ENGINE_VERSION, "shown": PRESENTATION_VERSION}
        opened = partial(self._open, arm_input, case, with_tools, repeat)
        return AttemptEnvironment(repeat, extras, opened)

    @contextmanager
    def _open(
        self,
        arm_input: ArmInput,
        case: Case,
        with_tools: tuple[PlannedRun, ...],
        repeat: int,
        chat: ChatSession,
    ) -> Iterator[AttemptContext]:
        loaded_runs = (arm_input.planned, *with_tools)
        named = [planned.pair.selected for planned in (*loaded_runs, *arm_input.sources)]
        blinding = make_blinding(case.handle, repeat, named, self.store.root, chat.transcript)
        if not case.questions and not with_tools:
            yield AttemptContext(blinding=blinding, chat=chat)
            return
        with self.pool.acquire([planned.models for planned in loaded_runs]) as (own, *others):
            models = BlindedModels(own.generators, blinding, f"{case.handle} {repeat}")
            tools = [
                BlindedTool(planned.method.spec.name, tool, blinding, models)
                for planned, loaded in zip(with_tools, others, strict=True)
                if planned.run
                for tool in tools_by_name(planned.spec, planned.run, loaded.pair()).values()
            ]
            queried = models if case.questions else None
            yield AttemptContext(blinding=blinding, models=queried, tools=tools, chat=chat)
            if models.failure:  # a verdict without working models says nothing about the models
                what = f"The models could not be asked: {models.failure}"
                raise RunFailed(what)


def _runs_with_tools(arm_input: ArmInput) -> tuple[PlannedRun, ...]:
    """The runs whose methods have tools; a run without findings has nothing to query."""
    return tuple(
        planned
        for planned in arm_input.unaltered_sources
        if planned.run and planned.run.findings != Findings() and has_tools(planned.method.spec)
    )


@dataclass
class AttemptRunner:
    """Runs investigators on cases; an attempt that the store holds is not made again."""

    store: Store
    fresh: bool = False
    """Whether attempts are made although the store holds them."""
    prices: Prices = field(default_factory=Prices)
    _made: set[str] = field(default_factory=set)
    """Keys of the attempts that were made or found already."""

    def key(
        self, case: Case | None, investigator: ConfiguredPlugin, environment: AttemptEnvironment
    ) -> str:
        """The digest by which the store keeps the attempt."""
        repeat, extras = environment.repeat, environment.key_extras
        extras = {"repeat": repeat, **extras} if repeat or extras else {}
        return digest({"case": _case_digest(case), **extras, **plugin_identity(investigator)})

    def is_missing(self, key: str) -> bool:
        """Whether the attempt has yet to be made."""
        if key in self._made:
            return False
        if self.fresh or not self.store.has("attempts", key):
            return True
        kept = read_or_warn(partial(read_attempt, self.store, key))
        return kept is None or kept.outcome in RETRIED_OUTCOMES

    def run(
        self,
        case: Case | None,
        investigator: ConfiguredPlugin,
        environment: AttemptEnvironment | None = None,
    ) -> Attempt:
        """The attempt of ``investigator`` at ``case``, from the store or made now.

        Args:
            case: what the investigator is given; none where the method's run failed.
            investigator: the investigator with its options.
            environment: the models and tools that it may use.
        """
        environment = AttemptEnvironment() if environment is None else environment
        key = self.key(case, investigator, environment)

        def make(folder: Path) -> None:
            transcript = folder / TRANSCRIPT_FILE
            attempt = self._attempt(key, case, investigator, environment, transcript)
            text = attempt.model_dump_json(indent=1) + "\n"
            (folder / "attempt.json").write_text(text, encoding="utf-8")

        self.store.get_or_create("attempts", key, make, fresh=self.is_missing(key))
        self._made.add(key)
        return read_attempt(self.store, key)

    def _attempt(
        self,
        key: str,
        case: Case | None,
        investigator: ConfiguredPlugin,
        environment: AttemptEnvironment,
        transcript: Path,
    ) -> Attempt:
        if case is None:
            return Attempt(digest=key, outcome=Outcome.NO_EVIDENCE)
        transcript.unlink(missing_ok=True)  # an interrupted attempt is repeated from the cache
        cache = StoredAnswerCache(self.store, refresh=self.fresh)
        repeat = environment.repeat
        chat = ChatSession(repeat, key, Transcript(transcript), cache, prices=self.prices)
        start = time.perf_counter()
        result = _run_investigator(case, investigator, environment, chat)
        return Attempt(
            digest=key,
            outcome=result.outcome,
            verdict=result.verdict,
            error=result.error,
            seconds=time.perf_counter() - start,
            usage=chat.usage,
            questions=result.questions,
            guesses=_interim_verdicts(transcript),
        )


@dataclass(frozen=True)
class _AttemptResult:
    outcome: Outcome
    verdict: Verdict | None = None
    error: str = ""
    questions: int = 0


def _run_investigator(
    case: Case, investigator: ConfiguredPlugin, environment: AttemptEnvironment, chat: ChatSession
) -> _AttemptResult:
    context = AttemptContext()
    try:
        with environment.open(chat) as context:
            verdict = investigator.spec.load().investigate(case, investigator.config, context)
        if not isinstance(verdict, Verdict):
            msg = f"investigate() returned {type(verdict).__name__}, not Verdict"
            raise TypeError(msg)
    except StoreError:
        raise
    except NoVerdict as end:
        return _AttemptResult(end.outcome, error=str(end), questions=_questions(context))
    except (Exception, SystemExit) as error:
        return _AttemptResult(Outcome.FAILED, error=one_line(error), questions=_questions(context))
    outcome = _outcome(case, verdict, context)
    return _AttemptResult(outcome, verdict, questions=_questions(context))


def _outcome(case: Case, verdict: Verdict, context: AttemptContext) -> Outcome:
    if case.questions and not case.evidence and not _questions(context):
        return Outcome.NEVER_QUERIED
    empty = verdict.change == "unsure" and not verdict.claim and not verdict.ranking
    return Outcome.ABSTAINED if empty else Outcome.VERDICT


def _questions(context: AttemptContext) -> int:
    """Number of questions to the models."""
    return context.models.asked if context.models else 0


def _interim_verdicts(transcript: Path) -> tuple[InterimVerdict, ...]:
    return tuple(
        InterimVerdict(questions=event.questions, calls=event.calls, verdict=event.verdict)
        for event in read_transcript(transcript)
        if isinstance(event, InterimVerdictEvent)
    )


def _case_digest(case: Case | None) -> str | None:
    """Digest of the case's JSON, which is several times faster than its canonical JSON."""
    return hashlib.sha256(case.model_dump_json().encode()).hexdigest() if case else None
