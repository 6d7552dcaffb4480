"""Leaderboard: who sees what, beside chance, intervals and nulls."""

from diffkit.organism import Record


class Share(Record):
    """A share of counted cases with its interval."""

    hits: int
    n: int
    low: float | None = None
    """Lower end of the 95 % Wilson interval; none where n is 0."""
    high: float | None = None
    """Upper end."""

    @property
    def value(self) -> float | None:
        """Hits / n; none where n is 0."""
        return self.hits / self.n if self.n else None


class Row(Record):
    """One method read by one investigator and graded by one grader.

    What is counted are organisms on a base, not their seeds and variants: one of several counts as
    a hit where all of them hit, and a null as a false alarm where any of its seeds raised one.
    """

    method: str
    investigator: str
    grader: str
    top1: Share
    """Organisms whose truth came first."""
    chance: float
    """Expected share of the best blind guess."""
    reciprocal_rank: float | None
    """Mean over organisms of 1 / rank of the truth."""
    reciprocal_rank_chance: float
    """The same for the best blind guess."""
    detected: Share
    """Organisms called targeted."""
    false_alarms: Share
    """Nulls called targeted."""
    calibration: str
    """Nulls behind the detection test, or why it was not possible."""
    outcomes: str
    """Counts of how attempts ended."""
    seconds: float
    """Mean wall-clock seconds of a run of the method."""
    peak_bytes: int
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
    """Rank of the right choice among the truths and "nothing targeted"; 1 is first."""
    score: float | None
    """The grade; none where the grader failed."""
    run: str
    """Digest of the run; empty where a model could not be used."""


class Leaderboard(Record):
    """Rows by top-1, and the pairs behind them."""

    suite: str
    rows: tuple[Row, ...]
    pairs: tuple[PairResult, ...]
    notes: tuple[str, ...] = ()
    """What a reader must know before believing the numbers."""
