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


@contextmanager
def _without_models(chat: ChatSession) -> Iterator[AttemptContext]:
    yield AttemptContext(chat=chat)


@dataclass(frozen=True)
class AttemptEnvironment:
    """What an attempt is made with, beside its case."""

    repeat: int = 0
    live: Mapping[str, object] = field(default_factory=dict)
    """Digests of what may be asked while it lasts; part of the attempt's key."""
    open: Callable[[ChatSession], AbstractContextManager[AttemptContext]] = _without_models
    """Loads that."""


PRESENTATION_VERSION = 1
"""Raised when the same findings and answers may be told in other words."""


@dataclass(frozen=True)
class AttemptEnvironmentFactory:
    """Makes seats."""

    arenas: ModelPool
    store: Store

    def __call__(
        self, sitting: ArmInput, case: Case | None, needs: frozenset[InvestigatorNeed], repeat: int
    ) -> AttemptEnvironment:
        """The seat of one attempt, with nothing in it that the investigator does not need."""
        if case is None:
            return AttemptEnvironment()
        tooled = _runs_with_tools(sitting) if "tools" in needs else ()
        live: dict[str, object] = {}
        if case.questions:
            live["models"] = pair_digest(sitting.cell.subject)
            live["generator"] = self.arenas.identity
        if tooled:
            live["tools"] = [cell.digest for cell in tooled]
        if live:
            live |= {"engine": ENGINE_VERSION, "shown": PRESENTATION_VERSION}
        return AttemptEnvironment(repeat, live, partial(self._open, sitting, case, tooled, repeat))

    @contextmanager
    def _open(
        self,
        sitting: ArmInput,
        case: Case,
        tooled: tuple[PlannedRun, ...],
        repeat: int,
        chat: ChatSession,
    ) -> Iterator[AttemptContext]:
        cells = (sitting.cell, *tooled)
        named = [cell.pair.selected for cell in (*cells, *sitting.sources)]
        blinding = make_blinding(case.handle, repeat, named, self.store.root, chat.transcript)
        if not case.questions and not tooled:
            yield AttemptContext(blinding=blinding, chat=chat)
            return
        with self.arenas.lend([cell.subject for cell in cells]) as (own, *others):
            questions = BlindedModels(own.generators, blinding, f"{case.handle} {repeat}")
            pairs = zip(tooled, others, strict=True)
            tools = [
                BlindedTool(cell.method.spec.name, tool, blinding, questions)
                for cell, arena in pairs
                if cell.run
                for tool in tools_by_name(cell.spec, cell.run, arena.pair()).values()
            ]
            models = questions if case.questions else None
            yield AttemptContext(blinding=blinding, models=models, tools=tools, chat=chat)
            if questions.failure:  # what was said then is no verdict on the models
                what = f"The models could not be asked: {questions.failure}"
                raise RunFailed(what)


def _runs_with_tools(sitting: ArmInput) -> tuple[PlannedRun, ...]:
    """Cells whose methods have tools; without findings there are none to ask about."""
    return tuple(
        cell
        for cell in sitting.tooled
        if cell.run and cell.run.findings != Findings() and has_tools(cell.method.spec)
    )
