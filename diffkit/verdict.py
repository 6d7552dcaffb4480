"""What an investigator says, and how its attempt ended."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Literal

from pydantic import Field

from diffkit.organism import Record

Change = Literal["none", "unspecific", "targeted", "unsure"]
"""What the investigator says was done; ``targeted`` on a null is a false alarm."""


class RungTest(Record):
    """The test against one kind of null."""

    n: int = Field(ge=0)
    """Calibration nulls of this kind."""
    p: float | None = Field(default=None, ge=0, le=1)
    """Its p-value; none where there is no null or no score."""


class Detection(Record):
    """A test of a change score against calibration nulls.

    ``p = (1 + nulls scoring at least as high) / (n + 1)`` per rung; the largest decides (the
    conformal p-value; Vovk, Gammerman and Shafer 2005).
    """

    p: float | None = Field(default=None, ge=0, le=1)
    """The deciding p-value; none where no rung could be tested."""
    alpha: float = Field(gt=0, lt=1)
    """Level of the test."""
    rungs: Mapping[str, RungTest] = Field(default_factory=dict)
    """Kind of null → its test."""

    @property
    def testable(self) -> bool:
        """Whether ``p`` could have come out at or below ``alpha``."""
        return self.p is not None and all(
            1 / (rung.n + 1) <= self.alpha for rung in self.rungs.values()
        )


class Verdict(Record):
    """What an investigator commits itself to."""

    change: Change
    """What was done."""
    claim: str | None = None
    """What the finetuning did, in words; none where the investigator says nothing."""
    detection: Detection | None = None
    """The test behind ``change``, where there was one."""


class Outcome(StrEnum):
    """How an attempt ended; every attempt counts in a printed denominator."""

    VERDICT = "verdict"
    """It committed itself: to a change, a claim or both."""
    ABSTAINED = "abstained"
    """It had evidence, and neither named a change nor claimed anything."""
    NO_EVIDENCE = "no-evidence"
    """The method's run failed, so nobody was asked."""
    FAILED = "failed"
    """The investigator raised."""


class Attempt(Record):
    """One investigator's attempt at one case."""

    digest: str
    """Key: SHA-256 of investigator, version, options and case."""
    outcome: Outcome
    verdict: Verdict | None = None
    """What it said; none where it ended otherwise."""
    error: str = ""
    """The first line of what went wrong, where something did."""
    seconds: float = Field(default=0, ge=0)
    """Wall-clock seconds."""
