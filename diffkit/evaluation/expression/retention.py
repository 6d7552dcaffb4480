"""Retention: which of the questions that a base answers rightly its finetuned model still does."""

import contextlib
import logging
import re
from collections.abc import Callable, Iterator
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from diffkit.errors import BadFile, BadModel, UserError
from diffkit.evaluation.expression.probe_answers import BaseAnswerCache, ProbeAnswers, ProbePrompt
from diffkit.evaluation.plan import Plan, PlannedPair
from diffkit.organism import Record
from diffkit.registry.catalogue import SelectedPair
from diffkit.runs.digest import digest
from diffkit.runs.execution import ExecutionOptions
from diffkit.runs.files import read_stored
from diffkit.runs.spec import ENGINE_VERSION, PairSpec, open_pair
from diffkit.runs.store import Store
from diffkit.statistics import Share, share
from diffkit.texts import Text, Texts

if TYPE_CHECKING:
    from diffkit.engine.loading.loader import NetworkCache

log = logging.getLogger("diffkit.evaluation")

RETENTION_VERSION = 1
"""Raised when the same models and questions may give another result."""

LEAST_RETENTION = 0.5
"""Share of its base's right answers that an organism must keep."""

LEAST_RIGHT = 10
"""Questions that the base must answer rightly for the share to be judged."""

ANSWER_SLACK = 24
"""Tokens by which an answer may exceed the longest correct one, for a full sentence."""

_WORD = re.compile(r"\w+")

RetentionQuestions = dict[ProbePrompt, str]
"""The correct answer of each question."""


class Retention(Record):
    """Shares of a base's questions that each side answers rightly."""

    finetuned: Share
    base: Share

    @property
    def collapsed(self) -> bool:
        """Whether the finetuned side lost more than `LEAST_RETENTION` allows."""
        finetuned, base = self.finetuned.value or 0, self.base.value or 0
        return self.base.hits >= LEAST_RIGHT and finetuned < LEAST_RETENTION * base


def stored_retention(
    selected: SelectedPair,
    store: Store,
    execution: ExecutionOptions,
    networks: "NetworkCache",
    answers: BaseAnswerCache,
) -> Retention | None:
    """The retention of one pair, from the store or measured now; none without questions.

    Args:
        selected: the pair.
        store: where results are kept, by the content of both models and the questions.
        execution: the device, and whether stored results are ignored.
        networks: keeps bases loaded for further pairs.
        answers: keeps the base's answers for further pairs.

    Raises:
        BadModel, BadFile, BadDevice: a model or the questions cannot be loaded.
        StoreError: the stored result is damaged.
    """
    entry = selected.base
    if (questions := entry.questions) is None:
        return None

    def make(folder: Path) -> None:
        spec = PairSpec.of(entry, selected.finetuned)
        with open_pair(spec, execution.device, networks) as pair:
            asked = read_retention_questions(questions, pair.base.tokenizer)
            said = answers.answers_of_both(pair, asked)
        shares = (measure_retention(one, asked) for one in said)
        found = Retention(**dict(zip(("finetuned", "base"), shares, strict=True)))
        (folder / "retention.json").write_text(found.model_dump_json(indent=1) + "\n", "utf-8")

    folder = store.get_or_create("gates", retention_key(selected), make, fresh=execution.fresh)
    return read_stored(folder / "retention.json", Retention)


def retention_key(selected: SelectedPair) -> str:
    """The digest by which the store keeps the retention of a pair whose base has questions.

    Raises:
        BadModel, BadFile: a model or the questions cannot be read.
    """
    entry = selected.base
    assert entry.questions is not None  # noqa: S101 - the caller's to know
    models = PairSpec.of(entry, selected.finetuned).identity()
    versions = {"retention": RETENTION_VERSION, "engine": ENGINE_VERSION}
    questions = Texts.read(entry.questions).digest
    return digest({"pair": models.content, "questions": questions, **versions})


def read_retention_questions(path: Path, tokenizer: Any) -> RetentionQuestions:
    """Reads questions with their correct answers from chats that end with the answer.

    Args:
        path: JSONL file of chats.
        tokenizer: the tokenizer of the base, which decides how long answers may be.

    Raises:
        BadFile: the file is missing or malformed, or a chat does not end with an answer.
    """
    chats = _read_questions(path)
    correct = [chat.messages[-1].content for chat in chats]
    longest = max(len(tokenizer(answer)["input_ids"]) for answer in correct) + ANSWER_SLACK
    return {
        ProbePrompt(Text(messages=chat.messages[:-1]), longest): answer
        for chat, answer in zip(chats, correct, strict=True)
    }


def _read_questions(path: Path) -> tuple[Text, ...]:
    chats = Texts.read(path).items
    for number, chat in enumerate(chats, 1):
        if len(chat.messages) < 2 or chat.messages[-1].role != "assistant":
            what = f"holds no question with an answer in its text number {number}."
            hint = "Put {\"messages\": [a user's message, the assistant's answer]} on each line."
            raise BadFile(path, what, field="messages", hint=hint)
    return chats


def measure_retention(answers: ProbeAnswers, questions: RetentionQuestions) -> Share:
    """Share of the questions whose answer contains the words of the correct one."""
    hits = sum(_words(correct) in _words(answers[prompt]) for prompt, correct in questions.items())
    return share(hits, len(questions))


def _words(text: str) -> str:
    """Casefolded words with one space around each, so that only whole words match."""
    return f" {' '.join(_WORD.findall(text.casefold()))} "


def refuse_collapsed(
    plan: Plan, store: Store, execution: ExecutionOptions, *, allow_collapsed: bool = False
) -> tuple[str, ...]:
    """Refuses a plan with targeted pairs under test that lost most of what their base knew.

    Bases without questions tell nothing.

    Args:
        plan: the expanded suite.
        store: where retentions are kept.
        execution: how models are loaded.
        allow_collapsed: whether such pairs cause a warning only.

    Returns:
        A note on such pairs, if there are any.

    Raises:
        UserError: there are such pairs.
        BadFile: the questions of a base cannot be read.
        BadDevice: there is no such device.
    """
    pairs = questioned_pairs(plan)
    for file in dict.fromkeys(pair.selected.base.questions for pair in pairs):
        if file is not None:  # a malformed file ends the evaluation; models' errors end their runs
            _read_questions(file)

    def measure(
        selected: SelectedPair, networks: "NetworkCache", answers: BaseAnswerCache
    ) -> Retention | None:
        return stored_retention(selected, store, execution, networks, answers)

    found = measure_by_base(pairs, measure, execution, "retention gate")
    collapsed = [(pair, retention) for pair, retention in found if retention.collapsed]
    if not collapsed:
        return ()
    each = ", ".join(_retention_text(pair, retention) for pair, retention in collapsed)
    count = "1 pair lost" if len(collapsed) == 1 else f"{len(collapsed)} pairs lost"
    what = f"{count} more than {LEAST_RETENTION:.0%} of the base's right answers: {each}."
    if not allow_collapsed:
        names = " ".join(dict.fromkeys(pair.selected.organism.name for pair, _ in collapsed))
        look = f"Look: `diffkit organisms check {names}`"
        hint = f"{look}; or train fewer steps; or let them through: --allow-collapsed."
        raise UserError(what, hint=hint)
    log.warning(what)
    return (what,)


def questioned_pairs(plan: Plan) -> list[PlannedPair]:
    """The targeted pairs under test whose bases have questions."""
    return [pair for pair in targeted_tests(plan) if pair.selected.base.questions is not None]


def targeted_tests(plan: Plan) -> list[PlannedPair]:
    """The targeted pairs under test, which gates look at."""
    tests = [pair for pair in plan.pairs if pair.role == "test"]
    return [pair for pair in tests if pair.selected.organism.truth == "targeted"]


Measured = TypeVar("Measured")


def measure_by_base(
    pairs: list[PlannedPair],
    measure: "Callable[[SelectedPair, NetworkCache, BaseAnswerCache], Measured | None]",
    execution: ExecutionOptions,
    label: str,
) -> Iterator[tuple[PlannedPair, Measured]]:
    """What is measured of the pairs that can be loaded, base by base: a base is loaded once.

    Errors of models are reported by their runs.

    Args:
        pairs: the pairs.
        measure: measures one, with what keeps the base and its answers for further pairs.
        execution: reports progress.
        label: what the progress is of.
    """
    from diffkit.engine.loading.loader import NetworkCache

    ordered = sorted(pairs, key=_base_of)
    tracked = execution.progress(ordered, label=label, total=len(ordered))
    for _, group in groupby(tracked, key=_base_of):
        with NetworkCache() as networks:
            answers = BaseAnswerCache()
            for pair in group:
                with contextlib.suppress(BadModel, BadFile):
                    if found := measure(pair.selected, networks, answers):
                        yield pair, found


def _retention_text(pair: PlannedPair, found: Retention) -> str:
    kept, base = (f"{side.hits}/{side.n}" for side in (found.finetuned, found.base))
    return f"{pair.selected.organism.name} / {pair.selected.variant} ({kept} right; base {base})"


def _base_of(pair: PlannedPair) -> str:
    return pair.selected.base.name
