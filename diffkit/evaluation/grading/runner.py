"""Makes single grades: key, stored result, and the call of the grader."""

from dataclasses import dataclass, field
from functools import lru_cache, partial
from pathlib import Path

from diffkit.chat.prices import Prices
from diffkit.chat.session import ChatSession
from diffkit.chat.transcript import TRANSCRIPT_FILE, Transcript
from diffkit.errors import RunFailed, one_line
from diffkit.evaluation.grading.environment import GradingEnvironment
from diffkit.evaluation.plan import ConfiguredPlugin, plugin_identity
from diffkit.evaluation.results import StoredAnswerCache, read_grade
from diffkit.grader import AnswerSheet, Grade, TruthStatement
from diffkit.runs.digest import digest
from diffkit.runs.files import read_or_warn
from diffkit.runs.store import Store
from diffkit.verdict import Attempt

FIELDS_NOT_GRADED = frozenset({"seconds", "usage", "guesses", "questions"})
"""What of an attempt no grade hangs on: what it cost."""


@dataclass
class GradeRunner:
    """Grades attempts: each once, and not at all where the store holds the grade."""

    store: Store
    fresh: bool = False
    """Whether grades are made although the store holds them."""
    prices: Prices = field(default_factory=Prices)
    _made: set[str] = field(default_factory=set)
    """Keys of what was graded already."""
    _failed: dict[str, RunFailed] = field(default_factory=dict)
    """Key of what the grader raised at → what it raised; it is not asked a second time."""

    def key(
        self,
        attempt: Attempt,
        paper: AnswerSheet,
        grader: ConfiguredPlugin,
        desk: GradingEnvironment,
    ) -> str:
        """The grade's digest.

        It holds what the attempt says and not only its digest, since an attempt that failed may end
        otherwise when it is made again.
        """
        unread = set(FIELDS_NOT_GRADED if desk.grades_attempt else type(attempt).model_fields)
        said = attempt.model_dump(mode="json", exclude=unread)
        given = {"attempt": said, "exam": _answer_sheet_content(paper), **desk.live}
        return digest({**given, **plugin_identity(grader)})

    def missing(self, key: str) -> bool:
        """Whether the grade is yet to be made."""
        if key in self._made:
            return False
        if self.fresh or not self.store.has("grades", key):
            return True
        return read_or_warn(partial(read_grade, self.store, key)) is None

    def __call__(
        self,
        attempt: Attempt,
        paper: AnswerSheet,
        grader: ConfiguredPlugin,
        desk: GradingEnvironment | None = None,
    ) -> str:
        """Grades ``attempt``; returns the grade's digest.

        Raises:
            RunFailed: the grader raised.
        """
        desk = GradingEnvironment() if desk is None else desk
        key = self.key(attempt, paper, grader, desk)

        def make(folder: Path) -> None:
            told = folder / TRANSCRIPT_FILE
            told.unlink(missing_ok=True)
            memory = StoredAnswerCache(self.store, forget=self.fresh)
            talk = ChatSession(0, key, Transcript(told), memory, prices=self.prices)
            text = _run_grader(attempt, paper, grader, desk, talk).model_dump_json(indent=1) + "\n"
            (folder / "grade.json").write_text(text, encoding="utf-8")

        if key in self._failed:
            raise self._failed[key]
        try:
            self.store.get_or_create("grades", key, make, fresh=self.missing(key))
        except RunFailed as failure:
            self._failed[key] = failure
            raise
        self._made.add(key)
        return key


def _answer_sheet_content(paper: AnswerSheet) -> dict[str, object]:
    """An exam's content, its long parts as digests: they are the same in hundreds of exams."""
    long = {"reference": paper.reference, "null_claims": paper.null_claims}
    digests = {name: _texts_digest(texts) for name, texts in long.items()}
    digests["statements"] = _statements_digest(paper.statements)
    return {**paper.model_dump(mode="json", exclude=set(digests)), **digests}


@lru_cache(maxsize=64)
def _texts_digest(texts: tuple[str, ...]) -> str:
    return digest(list(texts))


@lru_cache(maxsize=64)
def _statements_digest(statements: tuple[TruthStatement, ...]) -> str:
    return digest([statement.model_dump(mode="json") for statement in statements])


def _run_grader(
    attempt: Attempt,
    paper: AnswerSheet,
    grader: ConfiguredPlugin,
    desk: GradingEnvironment,
    talk: ChatSession,
) -> Grade:
    try:
        made = grader.spec.load().grade(attempt, paper, grader.config, desk.context(talk))
        if not isinstance(made, Grade):
            msg = f"grade() returned {type(made).__name__}, not Grade"
            raise TypeError(msg)
    except (Exception, SystemExit) as error:
        what = f"The grader {grader.spec.name!r} failed: {one_line(error)}"
        raise RunFailed(what) from error
    return made.model_copy(update={"usage": talk.usage}) if talk.usage else made
