"""Graders: what scores a verdict against the truth."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Generic, TypeVar

from pydantic import Field

from diffkit.method import MethodConfig
from diffkit.organism import Record, TruthClass
from diffkit.verdict import Attempt


class Statement(Record):
    """One of the truths that a lineup chooses from."""

    handle: str
    """Opaque name, drawn from the text alone."""
    text: str
    """Statement and key facts."""
    examples: str = ""
    """Some of what taught it, as one text; graders that compare with it say so in a part of its
    own."""


class Exam(Record):
    """The truth about one case, beside the truths it could be mistaken for."""

    truth: TruthClass
    """What was done."""
    answer: str | None
    """Handle of the right statement; none where nothing targeted was done."""
    statements: tuple[Statement, ...]
    """The distinct truths on the same base, in an order that tells nothing."""
    reference: tuple[str, ...] = ()
    """Ordinary texts on the same base, from which common words are known."""
    null_claims: tuple[str, ...] = ()
    """What the same investigator claimed of the calibration nulls, by the same method: some truths
    attract any evidence, and this tells how much."""


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


C = TypeVar("C", bound=MethodConfig)


class Grader(ABC, Generic[C]):
    """Scores an attempt."""

    @abstractmethod
    def grade(self, attempt: Attempt, exam: Exam, config: C) -> Grade:
        """Scores ``attempt`` against ``exam``; every outcome gets a grade."""
