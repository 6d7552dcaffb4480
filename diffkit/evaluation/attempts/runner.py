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
