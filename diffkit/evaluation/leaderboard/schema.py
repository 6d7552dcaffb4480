"""The records of a leaderboard: rows, results of pairs, measures and differences."""

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from diffkit.evaluation.record import Arm
from diffkit.organism import Record
from diffkit.statistics.shares import Share


class Measure(Share):
    """One part of the grades: a share, or a mean, of units beside what guessing gives."""

    chance: float | None = None
    """What the best blind guesser gets."""
    p: float | None = None
    """Permutation test: whether findings fit their own truth better than the others on the same
    base. None with fewer than two truths, or where a grader does not say what it would have given
    had another been the truth."""


class Difference(Record):
    """Mean of paired differences over truths on a base that both were graded on."""

    mean: float
    n: int = Field(ge=1)
    """Pairs."""
    low: float | None = None
    """Lower end of the 95 % bootstrap interval, clustered by truth; none of a single truth."""
    high: float | None = None
    """Upper end."""
    p: float | None = None
    """Two-sided test by random signs, one to a truth; not corrected for how many are looked at."""
    mcnemar: float | None = None
    """McNemar's exact test; none where it does not apply: a truth was hit in part, or lies on
    several bases."""


class CurvePoint(Record):
    """The mean score after so many questions."""

    score: float
    low: float | None = None
    """Lower end of the 95 % bootstrap interval, clustered by truth; none of a single truth."""
    high: float | None = None
    """Upper end."""


class BudgetCurve(Record):
    """What guesses are worth by the number of questions that were put to the models.

    A guess stands until the next one, and the verdict beyond the attempt's end. Before the first
    guess an attempt counts with the chance of its grade.
    """

    points: Mapping[int, CurvePoint]
    """Questions → mean over truths, where it changes; from 0 to the most that any row asked."""
    area: float
    """Mean height: the area under the curve over its length."""


class RoleUse(Record):
    """What a language model uses in one role, as means over attempts, or over grades."""

    models: tuple[str, ...]
    """As they were asked for."""
    calls: float
    prompt_tokens: float
    completion_tokens: float
    cost: float | None = None
    """US dollars; none where the price of any of it is unknown."""


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


class PairResult(Record):
    """One pair under one method, investigator and grader."""

    organism: str
    label: str
    """The organism, with the variant and the base where these tell pairs apart."""
    family: str
    truth: str
    method: str
    """Empty for arms that are no method's."""
    arm: Arm = "method"
    """What the investigator was given."""
    investigator: str
    grader: str
    seed: int
    repeat: int = 0
    """Number of the repeat, from 0."""
    change_score: float | None
    p: float | None
    detected: bool | None = None
    """Whether its test passes, as rows count it; none where it was not tested."""
    said: str
    """What the investigator said was done, or the outcome."""
    rank: float | None
    """Rank of the right choice; 1 is first. Over several lineups, the harmonic mean."""
    named: float | None = None
    """Share of lineups in which the truth came first among the truths alone."""
    score: float | None
    """The grade; none where the grader failed."""
    run: str
    """Digest of the run; empty where a model could not be used, or the arm is no method's."""


class Leaderboard(Record):
    """Rows by group, controls beneath their method, and the pairs behind them."""

    suite: str
    rows: tuple[Row, ...]
    pairs: tuple[PairResult, ...]
    notes: tuple[str, ...] = ()
    """What a reader must know before believing the numbers."""
    passports: Mapping[str, str] = Field(default_factory=dict)
    """Grader → how it did on answers whose worth is known, or that this is not known. Graders that
    ask no language model may be missing."""

    def methods(self, stratum: Stratum = "all") -> tuple[Row, ...]:
        """The rows of a stratum without the controls."""
        return tuple(row for row in self.rows if (row.arm, row.stratum) == ("method", stratum))
