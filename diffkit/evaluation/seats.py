"""Seats: which pairs and tools an attempt may ask, under handles."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from diffkit.case import Case
from diffkit.errors import RunFailed
from diffkit.evaluation.arenas import Arenas
from diffkit.evaluation.attempts import Seat
from diffkit.evaluation.blinded_tool import BlindedTool
from diffkit.evaluation.broker import Questions, blinded
from diffkit.evaluation.cases import Sitting, subject_digest
from diffkit.evaluation.cells import Cell
from diffkit.findings import Findings
from diffkit.investigator import AttemptContext, Need
from diffkit.runs.spec import ENGINE_VERSION
from diffkit.runs.store import Store
from diffkit.runs.tools import has_tools, tools_of
from diffkit.talk import Talk

SHOWN_VERSION = 1
"""Raised when the same findings and answers may be told in other words."""


@dataclass(frozen=True)
class Seats:
    """Makes seats."""

    arenas: Arenas
    store: Store

    def __call__(
        self, sitting: Sitting, case: Case | None, needs: frozenset[Need], repeat: int
    ) -> Seat:
        """The seat of one attempt, with nothing in it that the investigator does not need."""
        if case is None:
            return Seat()
        tooled = _tooled(sitting) if "tools" in needs else ()
        live: dict[str, object] = {}
        if case.questions:
            live["models"] = subject_digest(sitting.cell.subject)
            live["generator"] = self.arenas.identity
        if tooled:
            live["tools"] = [cell.digest for cell in tooled]
        if live:
            live |= {"engine": ENGINE_VERSION, "shown": SHOWN_VERSION}
        return Seat(repeat, live, partial(self._open, sitting, case, tooled, repeat))

    @contextmanager
    def _open(
        self, sitting: Sitting, case: Case, tooled: tuple[Cell, ...], repeat: int, talk: Talk
    ) -> Iterator[AttemptContext]:
        cells = (sitting.cell, *tooled)
        named = [cell.pair.selected for cell in (*cells, *sitting.sources)]
        blind = blinded(case.handle, repeat, named, self.store.root, talk.transcript)
        if not case.questions and not tooled:
            yield AttemptContext(blind=blind, talk=talk)
            return
        with self.arenas.lend([cell.subject for cell in cells]) as (own, *others):
            questions = Questions(own.generators, blind, f"{case.handle} {repeat}")
            pairs = zip(tooled, others, strict=True)
            tools = [
                BlindedTool(cell.method.spec.name, tool, blind, questions)
                for cell, arena in pairs
                if cell.run
                for tool in tools_of(cell.spec, cell.run, arena.pair()).values()
            ]
            models = questions if case.questions else None
            yield AttemptContext(blind=blind, models=models, tools=tools, talk=talk)
            if questions.failure:  # what was said then is no verdict on the models
                what = f"The models could not be asked: {questions.failure}"
                raise RunFailed(what)


def _tooled(sitting: Sitting) -> tuple[Cell, ...]:
    """Cells whose methods have tools; without findings there are none to ask about."""
    return tuple(
        cell
        for cell in sitting.tooled
        if cell.run and cell.run.findings != Findings() and has_tools(cell.method.spec)
    )
