"""What an investigator may query during an attempt: the models and the methods' tools."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import partial

from diffkit.case import Case
from diffkit.chat.session import ChatSession
from diffkit.errors import RunFailed
from diffkit.evaluation.attempts.arms import ArmInput
from diffkit.evaluation.attempts.broker import BlindedModels, BlindedTool, make_blinding
from diffkit.evaluation.attempts.cases import pair_digest
from diffkit.evaluation.attempts.model_pool import ModelPool
from diffkit.evaluation.planned_runs import PlannedRun
from diffkit.findings import Findings
from diffkit.investigator import AttemptContext, InvestigatorNeed
from diffkit.runs.method_tools import has_tools, tools_by_name
from diffkit.runs.spec import ENGINE_VERSION
from diffkit.runs.store import Store

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
