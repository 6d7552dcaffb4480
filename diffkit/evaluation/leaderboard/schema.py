"""The records of a leaderboard: rows, results of pairs, measures and differences."""

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from diffkit.evaluation.record import Arm
from diffkit.organism import Record
from diffkit.plain_text.display import Displayed
from diffkit.runs.manifest import RunLabels
from diffkit.statistics import Share


class Measure(Share):
    """Share or mean of one part of the grades over units, with its chance level."""

    chance: float | None = None
    """Score of the best guess without findings."""
    p: float | None = None
    """Permutation test of whether findings fit their own truth better than the others on the same
    base. None with fewer than two truths, or where a grader gives no scores for other truths."""


class Difference(Record):
    """Mean of paired differences over the truths and bases that both rows have."""

    mean: float
    n: int = Field(ge=1)
    """Number of pairs."""
    low: float | None = None
    """Lower end of the 95 % bootstrap interval, clustered by truth; none for a single truth."""
    high: float | None = None
    """Upper end."""
    p: float | None = None
    """Two-sided sign-flip test with one sign for each truth; not corrected for multiple tests."""
    mcnemar: float | None = None
    """McNemar's exact test; none where a truth was hit in part, or is on several bases."""


class CurvePoint(Record):
    """Mean score after a number of questions."""

    score: float
    low: float | None = None
    """Lower end of the 95 % bootstrap interval, clustered by truth; none for a single truth."""
    high: float | None = None
    """Upper end."""


class BudgetCurve(Record):
    """Mean score by number of questions to the models.

    An interim verdict counts until the next one, and the verdict beyond the end of the attempt.
    Before the first interim verdict an attempt counts with the chance level of its grade.
    """

    points: Mapping[int, CurvePoint]
    """Mean over truths by number of questions, where it changes; up to the maximum of all rows."""
    area: float
    """Mean height: the area under the curve divided by its length."""


class RoleUse(Record):
    """Mean usage of a language model in one role, over attempts or over grades."""

    models: tuple[str, ...]
    """Names as they were requested."""
    calls: float
    prompt_tokens: float
    completion_tokens: float
    cost: float | None = None
    """US dollars; none where a price is unknown."""


Stratum = Literal["all", "non-lexical"]
"""All organisms, or only those whose behaviour shows in no particular words."""


class Row(Record):
    """One method, or a control of it, with one investigator and one grader.

    Rows count units. A truth on a base is one unit, since its dilutions, variants and seeds are not
    independent. For nulls, each variant of an organism on a base is one unit. A unit counts with
    the mean of its cases.
    """

    method: str
    investigator: str
    grader: str
    arm: Arm = "method"
    """What the investigator was given: findings of the method, findings of all methods, only
    questions, or a control."""
    stratum: Stratum = "all"
    """The organisms that are counted."""
    group: str = ""
    """Letter of the tie group; ``a`` is the leader's. Empty for other arms."""
    top1: Measure
    """Truth ranked first among all choices of a lineup; the score, for other graders."""
    reciprocal_rank: Measure | None = None
    """1 / rank of the truth among all choices, without an interval."""
    named: Measure | None = None
    """Truth ranked first among the truths, without the choice that there is none."""
    named_by_examples: Measure | None = None
    """The same with training examples of each truth instead of its statement. This is easier, since
    shared words of the training data are enough."""
    none_of_these: Measure | None = None
    """Correct answers "none of these" where the truth was not among the choices."""
    parts: Mapping[str, Measure] = Field(default_factory=dict)
    """Means of other parts of the grades, such as recall, without an interval."""
    alpha: float | None = None
    """Level of the detection test: the false-positive rate on nulls like the calibration nulls.
    None where attempts were not tested."""
    detected: Share | None = None
    """Units that are significant against every null type; where attempts were not tested, those
    that the investigator calls targeted. None for controls, and where no test could have been
    significant, as ``calibration`` says."""
    detected_by: Mapping[str, Share] = Field(default_factory=dict)
    """Units that are significant against a null type, by null type, where that was possible."""
    false_alarms: Share | None = None
    """Detected nulls: the measured false-positive rate. None for controls and strata, and where
    no test could have been significant."""
    false_alarms_by: Mapping[str, Share] = Field(default_factory=dict)
    """The same by null organism."""
    says_targeted: Share | None = None
    """Units that the investigator calls targeted, regardless of the test; none for controls."""
    says_targeted_of_nulls: Share | None = None
    """Nulls that the investigator calls targeted; none for controls and strata."""
    calibration: str = ""
    """Numbers of nulls of the detection test, or why there is no test."""
    above: Mapping[Arm, Mapping[str, Difference]] = Field(default_factory=dict)
    """Differences to other arms of the same investigator, by arm and part. The difference to
    another organism's findings is the contribution of the method's own findings."""
    against: Mapping[str, Mapping[str, Difference]] = Field(default_factory=dict)
    """Differences to the methods in later rows, by method and part."""
    curve: BudgetCurve | None = None
    """Score by number of questions; none without interim verdicts or questions."""
    outcomes: str
    """Counts of the attempts' outcomes."""
    attempts: int = 0
    """Number of attempts."""
    verdicts: int = 0
    """Number of attempts with a verdict that is not empty."""
    top1_of_verdicts: Measure | None = None
    """``top1`` over these attempts; none where none is about an organism."""
    repeats: int = 1
    """Number of attempts at the same case."""
    questions: float = 0
    """Mean number of questions of an attempt."""
    usage: Mapping[str, RoleUse] = Field(default_factory=dict)
    """Mean usage of language models by role."""
    attempt_seconds: float = 0
    """Mean wall-clock seconds of an attempt."""
    seconds: float = 0
    """Mean wall-clock seconds of a run of the method; 0 for other arms."""
    peak_bytes: int = 0
    """Largest peak memory of its runs; 0 for other arms."""


TestResult = Literal["significant", "not significant", "untestable", "not tested"]
"""How a detection test came out. Untestable: with so few nulls no score could be significant."""


class PairResult(Record):
    """Result of one pair with one method, investigator and grader."""

    organism: str
    label: str
    """The organism, with the variant and the base where they are needed to identify the pair."""
    labels: RunLabels = RunLabels()
    """Organism, variant, base and finetuned side; the last is empty where the run is missing."""
    family: str
    truth: str
    method: str
    """Empty for arms that do not belong to a method."""
    arm: Arm = "method"
    """What the investigator was given."""
    investigator: str
    grader: str
    seed: int
    repeat: int = 0
    """Number of the repeat, from 0."""
    change_score: float | None
    p: float | None
    t_p: float | None = None
    """The p-value that assumes a normal distribution of transformed scores, as `Detection.t_p`."""
    detected: bool | None = None
    """Whether its detection test is significant; none where there is no test, or it could not be
    significant."""
    test: TestResult = "not tested"
    """How its detection test came out, or why there is no result."""
    said: str
    """The change that the verdict names, or the outcome of the attempt."""
    rank: float | None
    """Rank of the true statement, from 1; the harmonic mean over several lineups."""
    named: float | None = None
    """Share of lineups in which the truth ranked first among the truths."""
    score: float | None
    """The grade; none where the grader failed."""
    run: str
    """Digest of the run; empty where a model could not be loaded, or the arm has no method."""


class Leaderboard(Displayed, Record):
    """Rows sorted by group, with controls after their method, and the results of pairs."""

    suite: str
    rows: tuple[Row, ...]
    pairs: tuple[PairResult, ...]
    notes: tuple[str, ...] = ()
    """Limits of the numbers, such as failures and few truths."""
    passports: Mapping[str, str] = Field(default_factory=dict)
    """Summary of each grader's validation, or that there is none. Graders that use no language
    model may be missing."""

    def methods(self, stratum: Stratum = "all") -> tuple[Row, ...]:
        """The rows of methods in a stratum."""
        return tuple(row for row in self.rows if (row.arm, row.stratum) == ("method", stratum))
