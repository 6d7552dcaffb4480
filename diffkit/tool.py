"""Tools: what whoever reads a run's findings may ask its method besides."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar

from diffkit.organism import Record

if TYPE_CHECKING:
    from diffkit.findings import Finding, Findings
    from diffkit.texts import Texts

A = TypeVar("A", bound=Record)


class AgentTool(ABC, Generic[A]):
    """A question that an agent, or a person, may put to a method about a finished run.

    It holds the pair that it asks, and never the organism. What it raises as a `UserError` is told
    to whoever asked, so that they can ask again.
    """

    name: ClassVar[str]
    """In kebab-case, unique among the tools of its method."""
    summary: ClassVar[str]
    """One line: what it does and what comes back."""
    Arguments: type[A]
    """A `Record` with bounds, and a docstring under each field."""

    @abstractmethod
    def call(self, arguments: A) -> "tuple[Finding, ...]":
        """Answers; the same arguments give the same findings.

        Raises:
            UserError: the arguments are valid but do not fit this run.
        """

    def prompts(self, arguments: A) -> tuple[str, ...]:
        """Prompts of the asker's that a call puts to a model: each counts as a question."""
        del arguments
        return ()


@dataclass(frozen=True)
class FinishedRun:
    """What a run left, for the tools of its method."""

    findings: "Findings"
    """What it found."""
    artifacts: Path
    """Folder of its artifacts; absent where it wrote none."""
    texts: "Texts"
    """What it read."""
    seed: int = 0
    """Its seed."""
