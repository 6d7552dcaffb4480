"""Cases: everything an investigator gets, as data."""

from pydantic import Field

from diffkit.findings import Findings
from diffkit.organism import Record


class NullScores(Record):
    """Change scores of one kind of null, by the same method, options, texts and base."""

    rung: str
    """Name of the kind: ``random``, ``benign``, …"""
    scores: tuple[float, ...]


class Evidence(Record):
    """The findings of one method."""

    method: str = ""
    """Name of the method; empty if the findings are not a method's."""
    findings: Findings
    nulls: tuple[NullScores, ...] = ()
    """Calibration: the method's scores where nothing targeted was done."""


class JointNullScores(Record):
    """Change scores of one kind of null by several methods."""

    rung: str
    """Name of the kind."""
    scores: tuple[tuple[float | None, ...], ...]
    """For each null, the scores of the methods of a case's evidence, in their order; none where a
    run failed or has no score. The order of the nulls says nothing of them."""


class CandidateTruth(Record):
    """One of the truths that an investigator may choose from."""

    handle: str
    """Opaque name, drawn from the text alone."""
    text: str


class Case(Record):
    """Everything an investigator gets; it never holds a name, a path or the truth.

    Arms differ only in these data: questions without evidence, evidence of one method or of
    several, of another pair, or none.
    """

    handle: str
    """Opaque name of the pair."""
    evidence: tuple[Evidence, ...] = ()
    """Findings of methods; empty findings are left out, so that they are the same as none."""
    questions: bool = False
    """Whether the investigator may ask the models questions."""
    candidates: tuple[CandidateTruth, ...] = ()
    """Truths to rank, for investigators that choose among them."""
    joint_nulls: tuple[JointNullScores, ...] = Field(default=(), exclude_if=lambda nulls: not nulls)
    """Calibration of several methods together; only of those whose investigator is no language
    model, since the number of nulls reveals whether the pair is one."""
