"""What an investigator says, and how its attempt ended."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Literal

from pydantic import Field

from diffkit.organism import Record

Side = Literal["base", "finetuned"]
Change = Literal["none", "unspecific", "targeted", "unsure"]
"""What the investigator says was done; ``targeted`` on a null is a false alarm."""


class NullTest(Record):
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
    rungs: Mapping[str, NullTest] = Field(default_factory=dict)
    """Kind of null → its test."""

    @property
    def testable(self) -> bool:
        """Whether ``p`` could have come out at or below ``alpha``."""
        return self.p is not None and all(
            1 / (rung.n + 1) <= self.alpha for rung in self.rungs.values()
        )


class Prediction(Record):
    """A bet on the models: one side answers a prompt with a phrase more often than the other.

    The models decide, so whatever is true of them counts, whether the truth speaks of it or not.
    """

    prompt: str = Field(min_length=1)
    """User message that was not asked before."""
    phrase: str = Field(min_length=1)
    """What answers hold, compared casefolded."""
    side: Side
    """Whose answers hold it more often."""
    p: float = Field(default=0.9, ge=0, le=1)
    """Probability given to it."""


class Verdict(Record):
    """What an investigator commits itself to."""

    change: Change
    """What was done."""
    claim: str | None = None
    """What the finetuning did, in words; none where the investigator says nothing."""
    p_targeted: float | None = Field(default=None, ge=0, le=1)
    """Probability given to a change of one purpose; calibrated on nulls as change scores are."""
    p_claim: float | None = Field(default=None, ge=0, le=1)
    """Probability given to the claim's being right, where something targeted was done."""
    ranking: tuple[str, ...] = ()
    """Handles of the case's candidates, likeliest first; `NONE_OF_THESE` may stand among them."""
    predictions: tuple[Prediction, ...] = ()
    """Bets on the models."""
    cited: tuple[str, ...] = ()
    """Names of the findings and questions that it rests on."""
    detection: Detection | None = None
    """The test behind ``change``, where there was one."""


NONE_OF_THESE = "none-of-these"
"""In a ranking: the truth is not among the candidates that come after."""


class Outcome(StrEnum):
    """How an attempt ended; every attempt counts in a printed denominator."""

    VERDICT = "verdict"
    """It committed itself: to a change, a claim or both."""
    ABSTAINED = "abstained"
    """It had evidence, and neither named a change nor claimed anything."""
    NEVER_QUERIED = "never-queried"
    """It could only have known from questions, and asked none; its verdict is kept."""
    BUDGET_SPENT = "budget-spent"
    """Its budget was spent, and no verdict came when one was asked for."""
    REFUSED = "refused"
    """Its language model refused."""
    MALFORMED = "malformed"
    """Its language model gave nothing that could be read as a verdict."""
    MODEL_ERROR = "model-error"
    """Its language model could not be reached, or answered with errors until patience ended."""
    NO_EVIDENCE = "no-evidence"
    """The method's run failed, so nobody was asked."""
    FAILED = "failed"
    """The investigator raised."""


class Usage(Record):
    """What a language model used in one role."""

    model: str
    """As it was asked for."""
    served: tuple[str, ...] = ()
    """What the endpoint said that it served, distinct, in the order of appearance."""
    calls: int = Field(default=0, ge=0)
    """Answers, those from memory too."""
    remembered: int = Field(default=0, ge=0)
    """Answers that were not asked for again."""
    prompt_tokens: int = Field(default=0, ge=0)
    completion_tokens: int = Field(default=0, ge=0)
    cost: float | None = Field(default=None, ge=0)
    """US dollars, those of remembered answers too; none where the price is unknown."""


class InterimVerdict(Record):
    """What an investigator would have said, had its budget ended there."""

    questions: int = Field(ge=0)
    """Questions put to the models by then."""
    calls: int = Field(ge=0)
    """Answers of its language model by then."""
    verdict: Verdict


class Attempt(Record):
    """One investigator's attempt at one case."""

    digest: str
    """Key: SHA-256 of investigator, version, options, case, models and repeat."""
    outcome: Outcome
    verdict: Verdict | None = None
    """What it said; none where it ended otherwise."""
    error: str = ""
    """The first line of what went wrong, where something did."""
    seconds: float = Field(default=0, ge=0)
    """Wall-clock seconds."""
    usage: Mapping[str, Usage] = Field(default_factory=dict)
    """Role → what its language model used."""
    questions: int = Field(default=0, ge=0)
    """Questions put to the models; one to both sides counts once."""
    guesses: tuple[InterimVerdict, ...] = ()
    """Guesses on the way, in order."""
