"""Graders: what scores a verdict against the truth."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Generic, Literal, TypeVar

from pydantic import Field

from diffkit.chat.session import ChatSession
from diffkit.investigator import UsageEstimate
from diffkit.method import MethodConfig
from diffkit.organism import AnswerKey, Record, TruthClass
from diffkit.texts import Texts
from diffkit.verdict import Attempt, Usage

if TYPE_CHECKING:
    from diffkit.engine.pair import ModelPair
    from diffkit.findings import Findings
    from diffkit.generator import GeneratorPair


class TruthStatement(Record):
    """One of the truths that a lineup chooses from."""

    handle: str
    """Opaque name, drawn from the text alone."""
    text: str
    """Statement and key facts."""
    examples: str = ""
    """Some of what taught it, as one text; graders that compare with it say so in a part of its
    own."""


class AnswerSheet(Record):
    """The truth about one case, beside the truths it could be mistaken for."""

    truth: TruthClass
    """What was done."""
    answer: str | None
    """Handle of the right statement; none where nothing targeted was done."""
    statements: tuple[TruthStatement, ...]
    """The distinct truths on the same base, in an order that tells nothing."""
    family: str = "unknown"
    """Kind of finetuning, by which rubrics are chosen."""
    key: AnswerKey | None = None
    """The right statement with its key facts one by one; none where nothing targeted was done."""
    reference: tuple[str, ...] = ()
    """Ordinary texts on the same base, from which common words are known."""
    null_claims: tuple[str, ...] = ()
    """What the same investigator claimed of the calibration nulls, by the same method: some truths
    attract any evidence, and this tells how much. Empty for graders that do not declare them."""


class Grade(Record):
    """A score beside the score of a guess."""

    score: float = Field(ge=0, le=1)
    """1 is right."""
    chance: float = Field(ge=0, le=1)
    """Expected score of a uniform guess."""
    parts: Mapping[str, float] = Field(default_factory=dict)
    """Named parts of the score."""
    if_true: Mapping[str, Mapping[str, float]] = Field(default_factory=dict)
    """Handle of a statement → the parts, had it been the truth: what permutation tests permute."""
    reasons: str = ""
    """Why, in a sentence."""
    usage: Mapping[str, Usage] = Field(default_factory=dict)
    """Role → what its language model used."""


@dataclass
class GradeContext:
    """What a grader may use beside attempt and exam; what it did not declare is not there."""

    findings: "Findings | None" = None
    """What the method found; none for attempts at other evidence, or where its run failed."""
    artifacts: Path | None = None
    """Folder of the run's artifacts."""
    training: Texts | None = None
    """What the organism was trained on; none where that is not known."""
    pair: "Callable[[], AbstractContextManager[ModelPair]] | None" = None
    """Lends both sides, loaded; others may be using them too."""
    generators: "Callable[[], AbstractContextManager[GeneratorPair]] | None" = None
    """Lends generators of both sides."""
    chat: ChatSession = field(default_factory=ChatSession)


GraderNeed = Literal["findings", "training", "pair", "generators", "null_claims"]
"""What a grader uses beside attempt and exam; it enters the grade's key."""

C = TypeVar("C", bound=MethodConfig)


class Grader(ABC, Generic[C]):
    """Scores an attempt."""

    needs: ClassVar[frozenset[GraderNeed]] = frozenset()
    """What it uses beside attempt and exam."""
    grades_attempt: ClassVar[bool] = True
    """Whether the grade hangs on what was said; false for graders of findings, which grade those of
    one method alone, and each once."""

    @abstractmethod
    def grade(
        self, attempt: Attempt, sheet: AnswerSheet, config: C, context: GradeContext
    ) -> Grade:
        """Scores ``attempt`` against ``sheet``; every outcome gets a grade."""

    def check(self, config: C, investigator: MethodConfig) -> None:
        """Looks, before anything is run, whether it may grade what ``investigator`` says.

        Raises:
            UserError: it may not.
        """
        del config, investigator

    def estimate(self, config: C) -> UsageEstimate | None:
        """The most that one grade may use; none where no language model is asked."""
        del config
        return None
