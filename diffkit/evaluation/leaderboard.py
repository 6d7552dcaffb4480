"""Leaderboard: who sees what, beside chance, intervals, controls and nulls."""

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from diffkit.evaluation.record import Arm
from diffkit.organism import Record
from diffkit.statistics import wilson

Stratum = Literal["all", "non-lexical"]
"""All organisms, or those alone whose behaviour shows in no particular words."""


class Share(Record):
    """A share of counted units with its interval."""

    hits: int | float
    """A unit with several cases may count in part."""
    n: int
    low: float | None = None
    """Lower end of the 95 % Wilson interval; none where n is 0, or where it is no share."""
    high: float | None = None
    """Upper end."""

    @property
    def value(self) -> float | None:
        """Hits / n; none where n is 0."""
        return self.hits / self.n if self.n else None


class Measure(Share):
    """One part of the grades: a share, or a mean, of units beside what guessing gives."""

    chance: float | None = None
    """What the best blind guesser gets."""
    p: float | None = None
    """Permutation test: whether findings fit their own truth better than the others on the same
    base. None with fewer than two truths, or where a grader does not say what it would have given
    had another been the truth."""


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
    """What the investigator was given: the method's findings, or a control."""
    stratum: Stratum = "all"
    """Which organisms are counted."""
    group: str = ""
    """Letter shared by methods that a test does not tell apart; ``a`` holds the leader. Empty for
    controls."""
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
    detected: Share | None = None
    """Units called targeted; none for controls."""
    detected_by: Mapping[str, Share] = Field(default_factory=dict)
    """Kind of calibration null → units that pass the test against it, where it could be passed."""
    false_alarms: Share | None = None
    """Nulls called targeted; none for controls and strata."""
    false_alarms_by: Mapping[str, Share] = Field(default_factory=dict)
    """Null organism → its share."""
    calibration: str = ""
    """Nulls behind the detection test, or why it was not possible."""
    outcomes: str
    """Counts of how attempts ended."""
    seconds: float = 0
    """Mean wall-clock seconds of a run of the method."""
    peak_bytes: int = 0
    """Largest peak memory of its runs."""


class PairResult(Record):
    """One pair under one method, investigator and grader."""

    organism: str
    label: str
    """The organism, with the variant and the base where these tell pairs apart."""
    family: str
    truth: str
    method: str
    investigator: str
    grader: str
    seed: int
    change_score: float | None
    p: float | None
    said: str
    """What the investigator said was done, or the outcome."""
    rank: float | None
    """Rank of the right choice; 1 is first. Over several lineups, the harmonic mean."""
    named: float | None = None
    """Share of lineups in which the truth came first among the truths alone."""
    score: float | None
    """The grade; none where the grader failed."""
    run: str
    """Digest of the run; empty where a model could not be used."""


class Leaderboard(Record):
    """Rows by group, controls beneath their method, and the pairs behind them."""

    suite: str
    rows: tuple[Row, ...]
    pairs: tuple[PairResult, ...]
    notes: tuple[str, ...] = ()
    """What a reader must know before believing the numbers."""

    def methods(self, stratum: Stratum = "all") -> tuple[Row, ...]:
        """The rows of a stratum without the controls."""
        return tuple(row for row in self.rows if (row.arm, row.stratum) == ("method", stratum))


def share(hits: int | float, n: int) -> Share:
    """A share with its 95 % Wilson interval."""
    interval = wilson(hits, n)
    return Share(
        hits=hits,
        n=n,
        low=interval.low if interval else None,
        high=interval.high if interval else None,
    )
