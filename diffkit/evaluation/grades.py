"""Grades attempts against the truth, once each."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache, partial
from pathlib import Path

from diffkit.errors import RunFailed, reason_of
from diffkit.evaluation.component import component_identity
from diffkit.evaluation.plan import Component, Pair
from diffkit.evaluation.remembered import Remembered
from diffkit.evaluation.statements import handle_of
from diffkit.grader import Exam, Grade, GradeContext, Statement
from diffkit.organism import Organism
from diffkit.prices import Prices
from diffkit.runs.digest import digest
from diffkit.runs.files import intact, read_stored
from diffkit.runs.store import Store
from diffkit.talk import Talk
from diffkit.transcript import FILE, Transcript
from diffkit.verdict import Attempt

UNGRADED = frozenset({"seconds", "usage", "guesses", "questions"})
"""What of an attempt no grade hangs on: what it cost."""


def exam(
    pair: Pair,
    statements: tuple[Statement, ...],
    *,
    reference: tuple[str, ...],
    null_claims: tuple[str, ...] = (),
) -> Exam:
    """The truth about ``pair`` beside the distinct truths of the pairs on the same base.

    Args:
        pair: what is graded.
        statements: those truths; one object for all exams on a base, so that graders find again
            what they made of it.
        reference: ordinary texts on the base.
        null_claims: what the investigator claimed of the calibration nulls.
    """
    organism = pair.selected.organism
    return Exam(
        truth=organism.truth,
        answer=answer_of(organism),
        family=organism.family,
        key=organism.answer_key,
        statements=statements,
        reference=reference,
        null_claims=null_claims,
    )


def answer_of(organism: Organism) -> str | None:
    """Handle of the right statement about ``organism``; none where it has no one purpose."""
    return handle_of(organism.answer_key) if organism.answer_key else None


def _nothing(talk: Talk) -> GradeContext:
    return GradeContext(talk=talk)


@dataclass(frozen=True)
class Desk:
    """What a grade is made with, beside attempt and exam."""

    live: Mapping[str, object] = field(default_factory=dict)
    """Digests of it; part of the grade's key."""
    context: Callable[[Talk], GradeContext] = _nothing
    """Gathers it."""
    reads_attempt: bool = True
    """Whether the grade hangs on what was said."""


@dataclass
class Marking:
    """Grades attempts: each once, and not at all where the store holds the grade."""

    store: Store
    fresh: bool = False
    """Whether grades are made although the store holds them."""
    prices: Prices = field(default_factory=Prices)
    _made: set[str] = field(default_factory=set)
    """Keys of what was graded already."""
    _failed: dict[str, RunFailed] = field(default_factory=dict)
    """Key of what the grader raised at → what it raised; it is not asked a second time."""

    def key(self, attempt: Attempt, paper: Exam, grader: Component, desk: Desk) -> str:
        """The grade's digest.

        It holds what the attempt says and not only its digest, since an attempt that failed may end
        otherwise when it is made again.
        """
        unread = set(UNGRADED if desk.reads_attempt else type(attempt).model_fields)
        said = attempt.model_dump(mode="json", exclude=unread)
        given = {"attempt": said, "exam": _content(paper), **desk.live}
        return digest({**given, **component_identity(grader)})

    def missing(self, key: str) -> bool:
        """Whether the grade is yet to be made."""
        if key in self._made:
            return False
        if self.fresh or not self.store.has("grades", key):
            return True
        return intact(partial(read_grade, self.store, key)) is None

    def __call__(
        self, attempt: Attempt, paper: Exam, grader: Component, desk: Desk | None = None
    ) -> str:
        """Grades ``attempt``; returns the grade's digest.

        Raises:
            RunFailed: the grader raised.
        """
        desk = Desk() if desk is None else desk
        key = self.key(attempt, paper, grader, desk)

        def make(folder: Path) -> None:
            told = folder / FILE
            told.unlink(missing_ok=True)
            memory = Remembered(self.store, forget=self.fresh)
            talk = Talk(0, key, Transcript(told), memory, prices=self.prices)
            text = _mark(attempt, paper, grader, desk, talk).model_dump_json(indent=1) + "\n"
            (folder / "grade.json").write_text(text, encoding="utf-8")

        if key in self._failed:
            raise self._failed[key]
        try:
            self.store.obtain("grades", key, make, fresh=self.missing(key))
        except RunFailed as failure:
            self._failed[key] = failure
            raise
        self._made.add(key)
        return key


def _content(paper: Exam) -> dict[str, object]:
    """An exam's content, its long parts as digests: they are the same in hundreds of exams."""
    long = {"reference": paper.reference, "null_claims": paper.null_claims}
    digests = {name: _texts_digest(texts) for name, texts in long.items()}
    digests["statements"] = _statements_digest(paper.statements)
    return {**paper.model_dump(mode="json", exclude=set(digests)), **digests}


@lru_cache(maxsize=64)
def _texts_digest(texts: tuple[str, ...]) -> str:
    return digest(list(texts))


@lru_cache(maxsize=64)
def _statements_digest(statements: tuple[Statement, ...]) -> str:
    return digest([statement.model_dump(mode="json") for statement in statements])


def _mark(attempt: Attempt, paper: Exam, grader: Component, desk: Desk, talk: Talk) -> Grade:
    try:
        made = grader.spec.load().grade(attempt, paper, grader.config, desk.context(talk))
        if not isinstance(made, Grade):
            msg = f"grade() returned {type(made).__name__}, not Grade"
            raise TypeError(msg)
    except (Exception, SystemExit) as error:
        what = f"The grader {grader.spec.name!r} failed: {reason_of(error)}"
        raise RunFailed(what) from error
    return made.model_copy(update={"usage": talk.usage}) if talk.usage else made


def read_grade(store: Store, key: str) -> Grade:
    """A stored grade.

    Raises:
        StoreError: it is gone, or damaged.
    """
    return read_stored(store.place("grades", key) / "grade.json", Grade)
