"""Cases: what an investigator is given, as data."""

from diffkit.findings import Findings
from diffkit.organism import Record


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
