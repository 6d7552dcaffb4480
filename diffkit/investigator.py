"""Investigators: what reads findings and says what a finetuning did."""

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
    """A question and what each model answered."""

    name: str
    """By which it can be cited, such as ``question-3``."""
    prompt: str
    answers: Mapping[str, tuple[str, ...]]
    """Handle → its answers, blinded; models in the order in which they are shown."""


@runtime_checkable
class BlindModels(Protocol):
    """Two models that can be asked, under handles."""

    @property
    def asked(self) -> int:
        """Questions so far; one to both models counts once, however many answers were drawn."""
        ...

    def ask(
        self,
        prompts: Sequence[str],
        *,
        samples: int = 1,
        temperature: float = 0.0,
        max_new_tokens: int = 64,
    ) -> tuple[QuestionAnswer, ...]:
        """Puts each prompt to both models, as a user's message.

        The same questions in the same order get the same answers.

        Raises:
            UserError: the models cannot be asked so; its words are blinded.
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
        """Prompts that a call would put to a model; none where the arguments do not fit."""
        ...

    def call(self, arguments: Mapping[str, Any]) -> str:
        """What it answers, as text; its prompts count as questions.

        Raises:
            UserError: the arguments do not fit; its words are blinded.
        """
        ...


@dataclass
class AttemptContext:
    """What an investigator may use beside the case's data."""

    blinding: Blinding = field(default_factory=Blinding)
    models: BlindModels | None = None
    """The models; none where the case allows no questions, or the investigator needs no models."""
    tools: Sequence[BlindTool] = ()
    """Tools of the methods whose findings the case holds."""
    chat: ChatSession = field(default_factory=ChatSession)


class NoVerdict(Exception):
    """An investigator ends without a verdict.

    Args:
        outcome: how.
        reason: in a line, without identifiers.
    """

    def __init__(self, outcome: Outcome, reason: str) -> None:
        super().__init__(reason)
        self.outcome = outcome


class UsageEstimate(Record):
    """The most that one attempt, or one grade, may use of a language model."""

    role: str
    """``investigator`` or ``grader``."""
    model: str
    calls: int = Field(ge=0)
    prompt_tokens: int = Field(ge=0)
    completion_tokens: int = Field(ge=0)
    dollars: float | None = Field(default=None, gt=0)
    """A cap in US dollars; none is no cap."""


InvestigatorNeed = Literal["models", "tools", "candidates"]
"""What an investigator uses beside findings: it is loaded for those alone that declare it."""

C = TypeVar("C", bound=MethodConfig)


class Investigator(ABC, Generic[C]):
    """Reads a case and commits itself to a verdict."""

    needs: ClassVar[frozenset[InvestigatorNeed]] = frozenset()
    """What it uses beside findings."""
    stochastic: ClassVar[bool] = False
    """Whether the same case may get another verdict, so that repeats tell something."""

    @abstractmethod
    def investigate(self, case: Case, config: C, context: AttemptContext) -> Verdict:
        """Says what was done to the model of ``case``.

        Raises:
            NoVerdict: it ends otherwise.
        """

    def check(self, config: C) -> None:
        """Looks, before anything is run, whether it can work with such options.

        Raises:
            UserError: it cannot.
        """
        del config

    def estimate(self, config: C) -> UsageEstimate | None:
        """The most that one attempt may use; none where no language model is asked."""
        del config
        return None
