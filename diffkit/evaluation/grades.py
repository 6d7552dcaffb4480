"""Grades attempts against the truth, once each."""

import time
from collections.abc import Sequence

from diffkit.evaluation.attempts import POLL, component_identity
from diffkit.evaluation.suite import Component, Pair
from diffkit.grader import Exam, Grade, Statement
from diffkit.organism import AnswerKey, Organism
from diffkit.runs.digest import digest
from diffkit.runs.store import Store
from diffkit.texts import Texts
from diffkit.verdict import Attempt


def exam(pair: Pair, pairs: Sequence[Pair], texts: Texts) -> Exam:
    """The truth about ``pair`` beside the distinct truths of the pairs on the same base."""
    peers = [other.selected for other in pairs if other.role == "test"]
    keys = [p.organism.answer_key for p in peers if p.base.name == pair.selected.base.name]
    statements = {_handle(key): key.text for key in keys if key}
    organism = pair.selected.organism
    return Exam(
        truth=organism.truth,
        answer=_answer(organism),
        statements=tuple(Statement(handle=h, text=statements[h]) for h in sorted(statements)),
        reference=tuple(str(item) for item in texts.items),
    )


def _handle(key: AnswerKey) -> str:
    """Opaque, and drawn from the text alone: sorting by it tells nothing."""
    return digest(key.text)[:12]


def _answer(organism: Organism) -> str | None:
    return _handle(organism.answer_key) if organism.answer_key else None


def grade(attempt: Attempt, paper: Exam, grader: Component, store: Store) -> str:
    """Grades ``attempt``, or finds the stored grade; returns the grade's digest."""
    content = {"attempt": attempt.digest, "exam": paper.model_dump(mode="json")}
    key = digest({**content, **component_identity(grader)})
    while not store.has("grades", key):
        with store.work("grades", key) as folder:
            if folder is not None:
                made: Grade = grader.spec.load().grade(attempt, paper, grader.config)
                text = made.model_dump_json(indent=1) + "\n"
                (folder / "grade.json").write_text(text, encoding="utf-8")
                continue
        time.sleep(POLL)
    return key


def read_grade(store: Store, key: str) -> Grade:
    """A stored grade."""
    text = (store.place("grades", key) / "grade.json").read_text(encoding="utf-8")
    return Grade.model_validate_json(text)
