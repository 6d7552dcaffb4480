"""Leaderboard: rows, the pairs behind them, and what to know before believing them."""

from collections.abc import Mapping

from pydantic import Field

from diffkit.evaluation.record import Arm
from diffkit.evaluation.row import Row, Stratum
from diffkit.organism import Record


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
