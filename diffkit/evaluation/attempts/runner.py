"""Makes single attempts: key, stored result, and the call of the investigator."""

import hashlib
import time
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
from diffkit.errors import StoreError, one_line
from diffkit.evaluation.attempts.environment import AttemptEnvironment
from diffkit.evaluation.plan import ConfiguredPlugin, plugin_identity
from diffkit.evaluation.results import RETRIED_OUTCOMES, StoredAnswerCache, read_attempt
from diffkit.investigator import AttemptContext, NoVerdict
from diffkit.runs.digest import digest
from diffkit.runs.files import read_or_warn
from diffkit.runs.store import Store
from diffkit.verdict import Attempt, InterimVerdict, Outcome, Verdict


@dataclass
class AttemptRunner:
    """Puts cases to investigators: each once, and not at all where the store holds the attempt."""

    store: Store
    fresh: bool = False
    """Whether investigators are asked although the store holds their attempts."""
    prices: Prices = field(default_factory=Prices)
    _made: set[str] = field(default_factory=set)
    """Keys of what was asked already."""

    def key(
        self, case: Case | None, investigator: ConfiguredPlugin, seat: AttemptEnvironment
    ) -> str:
        """The attempt's digest."""
        live = {"repeat": seat.repeat, **seat.live} if seat.repeat or seat.live else {}
        return digest({"case": _case_digest(case), **live, **plugin_identity(investigator)})

    def missing(self, key: str) -> bool:
        """Whether the attempt is yet to be made."""
        if key in self._made:
            return False
        if self.fresh or not self.store.has("attempts", key):
            return True
        kept = read_or_warn(partial(read_attempt, self.store, key))
        return kept is None or kept.outcome in RETRIED_OUTCOMES

    def __call__(
        self,
        case: Case | None,
        investigator: ConfiguredPlugin,
        seat: AttemptEnvironment | None = None,
    ) -> Attempt:
        """The attempt at ``case``; none is what the method's run left where it failed."""
        seat = AttemptEnvironment() if seat is None else seat
        key = self.key(case, investigator, seat)

        def make(folder: Path) -> None:
            made = self._ask(key, case, investigator, seat, folder / TRANSCRIPT_FILE)
            text = made.model_dump_json(indent=1) + "\n"
            (folder / "attempt.json").write_text(text, encoding="utf-8")

        self.store.get_or_create("attempts", key, make, fresh=self.missing(key))
        self._made.add(key)
        return read_attempt(self.store, key)

    def _ask(
        self,
        key: str,
        case: Case | None,
        investigator: ConfiguredPlugin,
        seat: AttemptEnvironment,
        told: Path,
    ) -> Attempt:
        if case is None:
            return Attempt(digest=key, outcome=Outcome.NO_EVIDENCE)
        told.unlink(missing_ok=True)  # what a stopped process wrote is written again, from memory
        memory = StoredAnswerCache(self.store, forget=self.fresh)
        talk = ChatSession(seat.repeat, key, Transcript(told), memory, prices=self.prices)
        clock = time.perf_counter()
        ended = _run_investigator(case, investigator, seat, talk)
        return Attempt(
            digest=key,
            outcome=ended.outcome,
            verdict=ended.verdict,
            error=ended.error,
            seconds=time.perf_counter() - clock,
            usage=talk.usage,
            questions=ended.questions,
            guesses=_interim_verdicts(told),
        )


@dataclass(frozen=True)
class _AttemptResult:
    outcome: Outcome
    verdict: Verdict | None = None
    error: str = ""
    questions: int = 0


def _run_investigator(
    case: Case, investigator: ConfiguredPlugin, seat: AttemptEnvironment, talk: ChatSession
) -> _AttemptResult:
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
        return _AttemptResult(end.outcome, error=str(end), questions=_questions_asked(context))
    except (Exception, SystemExit) as error:
        return _AttemptResult(
            Outcome.FAILED, error=one_line(error), questions=_questions_asked(context)
        )
    return _AttemptResult(
        _outcome(case, verdict, context), verdict, questions=_questions_asked(context)
    )


def _outcome(case: Case, verdict: Verdict, context: AttemptContext) -> Outcome:
    if case.questions and not case.evidence and not _questions_asked(context):
        return Outcome.NEVER_QUERIED
    silent = verdict.change == "unsure" and not verdict.claim and not verdict.ranking
    return Outcome.ABSTAINED if silent else Outcome.VERDICT


def _questions_asked(context: AttemptContext) -> int:
    return context.models.asked if context.models else 0


def _interim_verdicts(told: Path) -> tuple[InterimVerdict, ...]:
    return tuple(
        InterimVerdict(questions=event.questions, calls=event.calls, verdict=event.verdict)
        for event in read_transcript(told)
        if isinstance(event, InterimVerdictEvent)
    )


def _case_digest(case: Case | None) -> str | None:
    """A case's content as a digest: several times faster than its canonical JSON."""
    return hashlib.sha256(case.model_dump_json().encode()).hexdigest() if case else None
