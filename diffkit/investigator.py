"""Investigators: they read findings and state what a finetuning did."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, Literal, Protocol, TypeVar, runtime_checkable

from pydantic import Field

from diffkit.case import Case
from diffkit.chat.blinding import Blinding
from diffkit.chat.session import ChatSession
from diffkit.method import MethodConfig
from diffkit.organism import Record
from diffkit.verdict import Outcome, Verdict


class QuestionAnswer(Record):
    """A question and the answers of each model."""

    name: str
    """The name for citations, such as ``question-3``."""
    prompt: str
    answers: Mapping[str, tuple[str, ...]]
    """Handle → its answers, blinded; models in the order in which they are shown."""


@runtime_checkable
class BlindModels(Protocol):
    """Two models that can be asked questions, under handles."""

    @property
    def asked(self) -> int:
        """Questions so far; a question to both models counts once, with any number of samples."""
        ...

    def ask(
        self,
        prompts: Sequence[str],
        *,
        samples: int = 1,
        temperature: float = 0.0,
        max_new_tokens: int = 64,
    ) -> tuple[QuestionAnswer, ...]:
        """Sends each prompt to both models, as a user's message.

        The same questions in the same order get the same answers.

        Raises:
            UserError: the question is not possible; its message is blinded.
        """
        ...


@runtime_checkable
class BlindTool(Protocol):
    """A method's tool, under handles."""

    @property
    def name(self) -> str:
        """Unique in the case; letters, digits, dashes and underscores."""
        ...

    @property
    def summary(self) -> str:
        """One line."""
        ...

    @property
    def schema(self) -> Mapping[str, Any]:
        """JSON Schema of its arguments."""
        ...

    def prompts(self, arguments: Mapping[str, Any]) -> tuple[str, ...]:
        """Prompts that a call would send to a model; none if the arguments do not fit."""
        ...

    def call(self, arguments: Mapping[str, Any]) -> str:
        """The answer as text; its prompts count as questions.

        Raises:
            UserError: the arguments do not fit; its message is blinded.
        """
        ...


@dataclass
class AttemptContext:
    """Inputs of an investigator besides the case."""

    blinding: Blinding = field(default_factory=Blinding)
    models: BlindModels | None = None
    """The models; none if the case allows no questions or the investigator needs none."""
    tools: Sequence[BlindTool] = ()
    """Tools of the methods whose findings the case holds."""
    chat: ChatSession = field(default_factory=ChatSession)


class NoVerdict(Exception):
    """An investigator ends without a verdict.

    Args:
        outcome: the outcome of the attempt.
        reason: the reason in one line, without identifiers.
    """

    def __init__(self, outcome: Outcome, reason: str) -> None:
        super().__init__(reason)
        self.outcome = outcome


class UsageEstimate(Record):
    """Maximal usage of a language model by one attempt or one grade."""

    role: str
    """``investigator`` or ``grader``."""
    model: str
    calls: int = Field(ge=0)
    prompt_tokens: int = Field(ge=0)
    completion_tokens: int = Field(ge=0)
    dollars: float | None = Field(default=None, gt=0)
    """A limit in US dollars; none: no limit."""


InvestigatorNeed = Literal["models", "tools", "candidates"]
"""An input of an investigator besides findings; it is loaded only if declared."""

C = TypeVar("C", bound=MethodConfig)


class Investigator(ABC, Generic[C]):
    """Reads a case and gives a verdict."""

    needs: ClassVar[frozenset[InvestigatorNeed]] = frozenset()
    """Inputs besides findings."""
    stochastic: ClassVar[bool] = False
    """Whether the same case may get another verdict, so that repeats are useful."""

    def merge_claims(self, claims: Sequence[str], config: C) -> str | None:
        """The claim about findings of several methods, by its claims about each.

        Calibration tables hold claims about single methods; this makes those about all methods of
        them, without the findings.

        Args:
            claims: its claims about the findings of each method, in their order; empty where it
                makes none.
            config: its options.

        Returns:
            Exactly what it would claim of all findings in one case; none if that cannot be known.
        """
        del claims, config
        return None

    @abstractmethod
    def investigate(self, case: Case, config: C, context: AttemptContext) -> Verdict:
        """States what was done to the model of ``case``.

        Raises:
            NoVerdict: it ends otherwise.
        """

    def validate(self, config: C) -> None:
        """Checks, before anything runs, whether it can work with such options.

        Raises:
            UserError: it cannot.
        """
        del config

    def estimate(self, config: C) -> UsageEstimate | None:
        """The maximal usage of one attempt; none if no language model is asked."""
        del config
        return None
