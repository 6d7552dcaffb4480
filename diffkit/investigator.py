"""Investigators: what reads findings and says what a finetuning did."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, Literal, Protocol, TypeVar, runtime_checkable

from pydantic import Field

from diffkit.blind import Blind
from diffkit.findings import Findings
from diffkit.method import MethodConfig
from diffkit.organism import Record
from diffkit.prices import Prices
from diffkit.transcript import Transcript
from diffkit.verdict import Outcome, Usage, Verdict


class NullScores(Record):
    """Change scores of one kind of null, by the same method, options, texts and base."""

    rung: str
    """Name of the kind: ``random``, ``benign``, …"""
    scores: tuple[float, ...]


class Evidence(Record):
    """What one method found."""

    method: str = ""
    """Name of the method; empty where it is no method's."""
    findings: Findings
    nulls: tuple[NullScores, ...] = ()
    """Calibration: what the method's score is where nothing targeted was done."""


class CandidateTruth(Record):
    """One of the truths that an investigator may choose from."""

    handle: str
    """Opaque name, drawn from the text alone."""
    text: str


class Case(Record):
    """Everything an investigator is given; it never holds a name, a path or the truth.

    Arms are differences in these data alone: questions and no evidence, evidence of one method or
    of several, of another pair, or none.
    """

    handle: str
    """Opaque name of the pair."""
    evidence: tuple[Evidence, ...] = ()
    """What methods found; empty findings are left out, so that they are the same as none."""
    questions: bool = False
    """Whether the models may be asked."""
    candidates: tuple[CandidateTruth, ...] = ()
    """Truths to rank, for investigators that choose among them."""


class Asked(Record):
    """A question and what each model answered."""

    name: str
    """By which it can be cited, such as ``question-3``."""
    prompt: str
    answers: Mapping[str, tuple[str, ...]]
    """Handle → its answers, blinded; models in the order in which they are shown."""


@runtime_checkable
class BlindPair(Protocol):
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
    ) -> tuple[Asked, ...]:
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


@runtime_checkable
class Memory(Protocol):
    """Answers of language models by the digest of what was asked; it outlives the process."""

    def get(self, key: str) -> Mapping[str, Any] | None:
        """What was answered; none where nothing was."""
        ...

    def put(self, key: str, answer: Mapping[str, Any]) -> None:
        """Keeps an answer."""
        ...


class NoMemory:
    """A `Memory` that keeps nothing."""

    def get(self, key: str) -> Mapping[str, Any] | None:
        """Nothing."""
        del key
        return None

    def put(self, key: str, answer: Mapping[str, Any]) -> None:
        """Forgets."""


@dataclass
class Talk:
    """What goes with asking a language model: where it is written down, remembered and priced."""

    repeat: int = 0
    """Number of the repeat, from 0."""
    about: str = ""
    """Digest of the attempt or grade: answers are remembered for each by itself."""
    transcript: Transcript = field(default_factory=Transcript)
    """Every request, answer and tool call is written there."""
    memory: Memory = field(default_factory=NoMemory)
    prices: Prices = field(default_factory=Prices)
    usage: dict[str, Usage] = field(default_factory=dict)
    """Role → what was used so far; whoever asks keeps it true."""
    asked: dict[str, int] = field(default_factory=dict)
    """Digest of a request → how often it was answered, so that asking it again is not the same."""
    sent: dict[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    """Role → messages of its last request, so that the transcript says each message once."""


@dataclass
class AttemptContext:
    """What an investigator may use beside the case's data."""

    blind: Blind = field(default_factory=Blind)
    models: BlindPair | None = None
    """The models; none where the case allows no questions, or the investigator needs no models."""
    tools: Sequence[BlindTool] = ()
    """Tools of the methods whose findings the case holds."""
    talk: Talk = field(default_factory=Talk)


class NoVerdict(Exception):
    """An investigator ends without a verdict.

    Args:
        outcome: how.
        reason: in a line, without identifiers.
    """

    def __init__(self, outcome: Outcome, reason: str) -> None:
        super().__init__(reason)
        self.outcome = outcome


class Estimate(Record):
    """The most that one attempt, or one grade, may use of a language model."""

    role: str
    """``investigator`` or ``grader``."""
    model: str
    calls: int = Field(ge=0)
    prompt_tokens: int = Field(ge=0)
    completion_tokens: int = Field(ge=0)
    dollars: float | None = Field(default=None, gt=0)
    """A cap in US dollars; none is no cap."""


Need = Literal["models", "tools", "candidates"]
"""What an investigator uses beside findings: it is loaded for those alone that declare it."""

C = TypeVar("C", bound=MethodConfig)


class Investigator(ABC, Generic[C]):
    """Reads a case and commits itself to a verdict."""

    needs: ClassVar[frozenset[Need]] = frozenset()
    """What it uses beside findings."""
    varies: ClassVar[bool] = False
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

    def estimate(self, config: C) -> Estimate | None:
        """The most that one attempt may use; none where no language model is asked."""
        del config
        return None
