"""Investigators: what reads findings and says what a finetuning did."""

from abc import ABC, abstractmethod
from typing import Generic, TypeVar

from diffkit.findings import Findings
from diffkit.method import MethodConfig
from diffkit.organism import Record
from diffkit.verdict import Verdict


class NullScores(Record):
    """Change scores of one kind of null, by the same method, options, texts and base."""

    rung: str
    """Name of the kind: ``random``, ``benign``, …"""
    scores: tuple[float, ...]


class Case(Record):
    """Everything an investigator is given; it never holds a name, a path or the truth."""

    handle: str
    """Opaque name of the pair."""
    evidence: Findings
    """What the method found."""
    nulls: tuple[NullScores, ...] = ()
    """Calibration: what the method's score is where nothing targeted was done."""


C = TypeVar("C", bound=MethodConfig)


class Investigator(ABC, Generic[C]):
    """Reads a case and commits itself to a verdict."""

    @abstractmethod
    def investigate(self, case: Case, config: C) -> Verdict:
        """Says what was done to the model of ``case``; the same case gives the same verdict."""
