"""Graders: they score a verdict against the truth."""

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
    """One of the truths in a lineup."""

    handle: str
    """Opaque name, drawn from the text alone."""
    text: str
    """Statement and key facts."""
    examples: str = ""
    """Some training texts as one text; graders that use it report it as a separate part."""


class AnswerSheet(Record):
    """The truth about one case, among the truths that it could be confused with."""

    truth: TruthClass
    """What was done."""
    answer: str | None
    """Handle of the right statement; none where nothing targeted was done."""
    statements: tuple[TruthStatement, ...]
    """The distinct truths on the same base, in an uninformative order."""
    family: str = "unknown"
    """Kind of finetuning; it selects the rubric."""
    key: AnswerKey | None = None
    """The right statement with its key facts one by one; none where nothing targeted was done."""
    reference: tuple[str, ...] = ()
    """Ordinary texts on the same base, which define the common words."""
    null_claims: tuple[str, ...] = ()
    """The same investigator's claims about the calibration nulls, by the same method: they show how
    often a truth is named without cause. Empty for graders that do not declare them."""


class Grade(Record):
    """A score, and the expected score of a guess."""

    score: float = Field(ge=0, le=1)
    """1 is right."""
    chance: float = Field(ge=0, le=1)
    """Expected score of a uniform guess."""
    parts: Mapping[str, float] = Field(default_factory=dict)
    """Named parts of the score."""
    if_true: Mapping[str, Mapping[str, float]] = Field(default_factory=dict)
    """Handle of a statement → the parts if it were the truth; used by permutation tests."""
    reasons: str = ""
    """The reason, in a sentence."""
    usage: Mapping[str, Usage] = Field(default_factory=dict)
    """Role → what its language model used."""


@dataclass
class GradeContext:
    """Inputs of a grader besides attempt and answer sheet, as far as it declares them."""

    findings: "Findings | None" = None
    """The method's findings; none for other evidence, or if its run failed."""
    artifacts: Path | None = None
    """Folder of the run's artifacts."""
    training: Texts | None = None
    """The organism's training texts; none if they are unknown."""
    pair: "Callable[[], AbstractContextManager[ModelPair]] | None" = None
    """Gives both sides, loaded; other threads may use them too."""
    generators: "Callable[[], AbstractContextManager[GeneratorPair]] | None" = None
    """Gives generators of both sides."""
    chat: ChatSession = field(default_factory=ChatSession)


GraderNeed = Literal["findings", "training", "pair", "generators", "null_claims"]
"""An input of a grader besides attempt and answer sheet; it is part of the grade's key."""

C = TypeVar("C", bound=MethodConfig)


class Grader(ABC, Generic[C]):
    """Scores an attempt."""

    needs: ClassVar[frozenset[GraderNeed]] = frozenset()
    """Inputs besides attempt and answer sheet."""
    grades_attempt: ClassVar[bool] = True
    """Whether the grade depends on the attempt; false for graders of findings, which grade each
    method's findings once."""

    @abstractmethod
    def grade(
        self, attempt: Attempt, sheet: AnswerSheet, config: C, context: GradeContext
    ) -> Grade:
        """Scores ``attempt`` against ``sheet``; every outcome gets a grade."""

    def validate(self, config: C, investigator: MethodConfig) -> None:
        """Checks, before anything runs, whether it may grade attempts of ``investigator``.

        Raises:
            UserError: it may not.
        """
        del config, investigator

    def estimate(self, config: C) -> UsageEstimate | None:
        """The maximal usage of one grade; none if no language model is asked."""
        del config
        return None
