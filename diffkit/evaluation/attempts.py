"""Puts cases to investigators, once each."""

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from diffkit.case import Case
from diffkit.errors import StoreError, reason_of
from diffkit.evaluation.component import component_identity
from diffkit.evaluation.plan import Component
from diffkit.evaluation.remembered import Remembered
from diffkit.investigator import AttemptContext, NoVerdict
from diffkit.prices import Prices
from diffkit.runs.digest import digest
from diffkit.runs.files import intact, read_stored
from diffkit.runs.store import Store
from diffkit.talk import Talk
from diffkit.transcript import FILE, Guessed, Transcript, read_transcript
from diffkit.verdict import Attempt, Guess, Outcome, Verdict

AGAIN = frozenset({Outcome.FAILED, Outcome.MODEL_ERROR})
"""Outcomes whose attempts are made again by the next evaluation: their cause may be mended."""


@contextmanager
def _alone(talk: Talk) -> Iterator[AttemptContext]:
    yield AttemptContext(talk=talk)


@dataclass(frozen=True)
class Seat:
    """What an attempt is made with, beside its case."""

    repeat: int = 0
    live: Mapping[str, object] = field(default_factory=dict)
    """Digests of what may be asked while it lasts; part of the attempt's key."""
    open: Callable[[Talk], AbstractContextManager[AttemptContext]] = _alone
    """Loads that."""


@dataclass
class Asking:
    """Puts cases to investigators: each once, and not at all where the store holds the attempt."""

    store: Store
    fresh: bool = False
    """Whether investigators are asked although the store holds their attempts."""
    prices: Prices = field(default_factory=Prices)
    _made: set[str] = field(default_factory=set)
    """Keys of what was asked already."""

    def key(self, case: Case | None, investigator: Component, seat: Seat) -> str:
        """The attempt's digest."""
        live = {"repeat": seat.repeat, **seat.live} if seat.repeat or seat.live else {}
        return digest({"case": _content(case), **live, **component_identity(investigator)})

    def missing(self, key: str) -> bool:
        """Whether the attempt is yet to be made."""
        if key in self._made:
            return False
        if self.fresh or not self.store.has("attempts", key):
            return True
        kept = intact(partial(read_attempt, self.store, key))
        return kept is None or kept.outcome in AGAIN

    def __call__(
        self, case: Case | None, investigator: Component, seat: Seat | None = None
    ) -> Attempt:
        """The attempt at ``case``; none is what the method's run left where it failed."""
        seat = Seat() if seat is None else seat
        key = self.key(case, investigator, seat)

        def make(folder: Path) -> None:
            made = self._ask(key, case, investigator, seat, folder / FILE)
            text = made.model_dump_json(indent=1) + "\n"
            (folder / "attempt.json").write_text(text, encoding="utf-8")

        self.store.obtain("attempts", key, make, fresh=self.missing(key))
        self._made.add(key)
        return read_attempt(self.store, key)

    def _ask(
        self, key: str, case: Case | None, investigator: Component, seat: Seat, told: Path
    ) -> Attempt:
        if case is None:
            return Attempt(digest=key, outcome=Outcome.NO_EVIDENCE)
        told.unlink(missing_ok=True)  # what a stopped process wrote is written again, from memory
        memory = Remembered(self.store, forget=self.fresh)
        talk = Talk(seat.repeat, key, Transcript(told), memory, prices=self.prices)
        clock = time.perf_counter()
        ended = _investigated(case, investigator, seat, talk)
        return Attempt(
            digest=key,
            outcome=ended.outcome,
            verdict=ended.verdict,
            error=ended.error,
            seconds=time.perf_counter() - clock,
            usage=talk.usage,
            questions=ended.questions,
            guesses=_guesses(told),
        )


@dataclass(frozen=True)
class _Ended:
    outcome: Outcome
    verdict: Verdict | None = None
    error: str = ""
    questions: int = 0


def _investigated(case: Case, investigator: Component, seat: Seat, talk: Talk) -> _Ended:
    context = AttemptContext()
    try:
        with seat.open(talk) as context:
            verdict = investigator.spec.load().investigate(case, investigator.config, context)
        if not isinstance(verdict, Verdict):
            msg = f"investigate() returned {type(verdict).__name__}, not Verdict"
            raise TypeError(msg)
    except StoreError:
        raise
    except NoVerdict as end:
        return _Ended(end.outcome, error=str(end), questions=_asked(context))
    except (Exception, SystemExit) as error:
        return _Ended(Outcome.FAILED, error=reason_of(error), questions=_asked(context))
    return _Ended(_outcome(case, verdict, context), verdict, questions=_asked(context))


def _outcome(case: Case, verdict: Verdict, context: AttemptContext) -> Outcome:
    if case.questions and not case.evidence and not _asked(context):
        return Outcome.NEVER_QUERIED
    silent = verdict.change == "unsure" and not verdict.claim and not verdict.ranking
    return Outcome.ABSTAINED if silent else Outcome.VERDICT


def _asked(context: AttemptContext) -> int:
    return context.models.asked if context.models else 0


def _guesses(told: Path) -> tuple[Guess, ...]:
    return tuple(
        Guess(questions=event.questions, calls=event.calls, verdict=event.verdict)
        for event in read_transcript(told)
        if isinstance(event, Guessed)
    )


def _content(case: Case | None) -> str | None:
    """A case's content as a digest: several times faster than its canonical JSON."""
    return hashlib.sha256(case.model_dump_json().encode()).hexdigest() if case else None


def read_attempt(store: Store, key: str) -> Attempt:
    """A stored attempt.

    Raises:
        StoreError: it is gone, or damaged.
    """
    return read_stored(store.place("attempts", key) / "attempt.json", Attempt)
