"""A row of a leaderboard: who sees what, beside chance, intervals, controls and nulls."""

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from diffkit.evaluation.quantities import BudgetCurve, Difference, RoleUse
from diffkit.evaluation.record import Arm
from diffkit.evaluation.shares import Measure, Share
from diffkit.organism import Record

Stratum = Literal["all", "non-lexical"]
"""All organisms, or those alone whose behaviour shows in no particular words."""


class Row(Record):
    """One method, or one control beside it, read by one investigator and graded by one grader.

    What is counted are units: a truth on a base, whose dilutions, variants and seeds are no further
    evidence; of the nulls, each variant of an organism on a base, whose seeds are none. Each counts
    with the mean of its cases.
    """

    method: str
    investigator: str
    grader: str
    arm: Arm = "method"
    """What the investigator was given: the method's findings, those of all, questions alone, or a
    control."""
    stratum: Stratum = "all"
    """Which organisms are counted."""
    group: str = ""
    """Letter shared by methods that a test does not tell apart; ``a`` holds the leader. Empty for
    other arms."""
    top1: Measure
    """Truth first among all choices of a lineup; of other graders, their score."""
    reciprocal_rank: Measure | None = None
    """1 / rank of the truth among all choices; no interval."""
    named: Measure | None = None
    """Truth first among the truths alone, whatever was said of whether there is one."""
    named_by_examples: Measure | None = None
    """The same with each truth's training examples in the place of its statement, which is easier:
    it needs no word that a person would recognise as the truth."""
    none_of_these: Measure | None = None
    """Rightly "none of these" where the truth was not among the choices."""
    parts: Mapping[str, Measure] = Field(default_factory=dict)
    """Other parts of the grades by name, such as recall: means, without an interval."""
    alpha: float | None = None
    """Level of the test behind ``detected``: the false-positive rate on nulls like the calibration
    nulls. None where attempts were not tested."""
    detected: Share | None = None
    """Units that pass the test against every kind of null; where attempts were not tested, those
    that the investigator calls targeted. None for controls."""
    detected_by: Mapping[str, Share] = Field(default_factory=dict)
    """Kind of calibration null → units that pass the test against it, where it could be passed."""
    false_alarms: Share | None = None
    """Nulls that do: the false-positive rate as it was measured. None for controls and strata."""
    false_alarms_by: Mapping[str, Share] = Field(default_factory=dict)
    """Null organism → its share."""
    says_targeted: Share | None = None
    """Units that the investigator calls targeted, whatever the test says; none for controls."""
    says_targeted_of_nulls: Share | None = None
    """Nulls that it calls so; none for controls and strata."""
    calibration: str = ""
    """Nulls behind the detection test, or why it was not possible."""
    above: Mapping[Arm, Mapping[str, Difference]] = Field(default_factory=dict)
    """Other arm of the same reader → part → what is better than there; above another organism's
    findings it is what the method's own findings contribute."""
    against: Mapping[str, Mapping[str, Difference]] = Field(default_factory=dict)
    """Method further down → part → what is better than by that method."""
    curve: BudgetCurve | None = None
    """What guesses on the way were worth; none where there were none, or no questions."""
    outcomes: str
    """Counts of how attempts ended."""
    attempts: int = 0
    """All attempts."""
    verdicts: int = 0
    """Attempts that ended with a verdict that says something."""
    top1_of_verdicts: Measure | None = None
    """``top1`` over those alone; none where there are none of organisms."""
    repeats: int = 1
    """Attempts at the same case."""
    questions: float = 0
    """Mean questions of an attempt."""
    usage: Mapping[str, RoleUse] = Field(default_factory=dict)
    """Role → what an attempt, or a grade, uses of a language model on average."""
    attempt_seconds: float = 0
    """Mean wall-clock seconds of an attempt."""
    seconds: float = 0
    """Mean wall-clock seconds of a run of the method; 0 for other arms."""
    peak_bytes: int = 0
    """Largest peak memory of its runs; 0 for other arms."""
