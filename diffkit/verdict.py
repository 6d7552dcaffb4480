"""Verdicts of investigators, and the outcome of their attempts."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Literal

from pydantic import Field

from diffkit.organism import Record

Side = Literal["base", "finetuned"]
Change = Literal["none", "unspecific", "targeted", "unsure"]
"""The change that the investigator states; ``targeted`` on a null is a false positive."""


class NullTest(Record):
    """The test against one kind of null."""

    n: int = Field(ge=0)
    """Calibration nulls of this kind."""
    p: float | None = Field(default=None, ge=0, le=1)
    """Its p-value; none if there is no null or no score."""
    t_p: float | None = Field(default=None, ge=0, le=1)
    """Student's t of a new observation, which assumes a normal distribution of transformed scores;
    none with fewer than four nulls, or if they are all alike."""

    @classmethod
    def of(cls, score: float | None, nulls: Sequence[float]) -> "NullTest":
        """The test of a score against nulls of one kind.

        Args:
            score: the score; none if there is none.
            nulls: scores of the nulls.
        """
        from diffkit.statistics.p_values import conformal_p, student_t_p

        if score is None or not nulls:
            return cls(n=len(nulls))
        return cls(n=len(nulls), p=conformal_p(score, nulls), t_p=student_t_p(score, nulls))


class Detection(Record):
    """A test of a change score against calibration nulls.

    ``p = (1 + nulls scoring at least as high) / (n + 1)`` per null type; the largest decides (the
    conformal p-value; Vovk, Gammerman and Shafer 2005).
    """

    p: float | None = Field(default=None, ge=0, le=1)
    """The deciding p-value; none if no kind of null could be tested."""
    alpha: float = Field(gt=0, lt=1)
    """Level of the test."""
    rungs: Mapping[str, NullTest] = Field(default_factory=dict)
    """Kind of null → its test."""
    t_p: float | None = Field(default=None, ge=0, le=1)
    """The largest of the p-values that assume a normal distribution; none if a kind of null that
    has a ``p`` has none. It decides nothing."""

    @classmethod
    def of(cls, tests: Mapping[str, NullTest], alpha: float) -> "Detection":
        """The test against all kinds of null.

        Args:
            tests: kind of null → its test.
            alpha: level of the test.
        """
        tested = [test for test in tests.values() if test.p is not None]
        t_ps = [test.t_p for test in tested if test.t_p is not None]
        return cls(
            p=max((test.p for test in tested if test.p is not None), default=None),
            alpha=alpha,
            rungs=tests,
            t_p=max(t_ps, default=None) if len(t_ps) == len(tested) else None,
        )

    @property
    def testable(self) -> bool:
        """Whether ``p`` could have come out at or below ``alpha``."""
        return self.p is not None and all(
            1 / (rung.n + 1) <= self.alpha for rung in self.rungs.values()
        )


class Prediction(Record):
    """A prediction about the models: one side answers a prompt with a phrase more often.

    It is tested on the models, so anything that is true of them counts, whether or not the truth
    mentions it.
    """

    prompt: str = Field(min_length=1)
    """User message that was not asked before."""
    phrase: str = Field(min_length=1)
    """The phrase in the answers, compared casefolded."""
    side: Side
    """The side whose answers contain it more often."""
    p: float = Field(default=0.9, ge=0, le=1)
    """Probability given to it."""


class Verdict(Record):
    """The final statement of an investigator."""

    change: Change
    """The kind of change."""
    claim: str | None = None
    """The effect of the finetuning, in words; none if the investigator makes no claim."""
    p_targeted: float | None = Field(default=None, ge=0, le=1)
    """Probability given to a change of one purpose; calibrated on nulls as change scores are."""
    p_claim: float | None = Field(default=None, ge=0, le=1)
    """Probability that the claim is right, if something targeted was done."""
    ranking: tuple[str, ...] = ()
    """Handles of the case's candidates, most probable first; `NONE_OF_THESE` may be among them."""
    predictions: tuple[Prediction, ...] = ()
    """Predictions about the models."""
    cited: tuple[str, ...] = ()
    """Names of the findings and questions that support it."""
    detection: Detection | None = None
    """The test behind ``change``, if there was one."""


NONE_OF_THESE = "none-of-these"
"""In a ranking: the truth is not among the candidates that come after."""


class Outcome(StrEnum):
    """How an attempt ended; every attempt counts in a reported denominator."""

    VERDICT = "verdict"
    """It named a change, made a claim, or both."""
    ABSTAINED = "abstained"
    """It had evidence, but neither named a change nor made a claim."""
    NEVER_QUERIED = "never-queried"
    """Its only source was questions, and it asked none; its verdict is kept."""
    BUDGET_SPENT = "budget-spent"
    """Its budget was spent, and it gave no verdict when asked for one."""
    REFUSED = "refused"
    """Its language model refused."""
    MALFORMED = "malformed"
    """Its language model gave nothing that could be parsed as a verdict."""
    MODEL_ERROR = "model-error"
    """Its language model could not be reached, or answered with errors until all retries failed."""
    NO_EVIDENCE = "no-evidence"
    """The method's run failed, so there was no attempt."""
    FAILED = "failed"
    """The investigator raised."""


class Usage(Record):
    """Usage of a language model in one role."""

    model: str
    """The name in the requests."""
    served: tuple[str, ...] = ()
    """The names in the responses, distinct, in the order of appearance."""
    calls: int = Field(default=0, ge=0)
    """Answers, cached ones included."""
    remembered: int = Field(default=0, ge=0)
    """Answers from the cache."""
    prompt_tokens: int = Field(default=0, ge=0)
    completion_tokens: int = Field(default=0, ge=0)
    cost: float | None = Field(default=None, ge=0)
    """US dollars, cached answers included; none if the price is unknown."""


class InterimVerdict(Record):
    """The verdict that an investigator would have given at this point."""

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
    """The verdict; none if it ended without one."""
    error: str = ""
    """The first line of the error, if there was one."""
    seconds: float = Field(default=0, ge=0)
    """Wall-clock seconds."""
    usage: Mapping[str, Usage] = Field(default_factory=dict)
    """Role → usage of its language model."""
    questions: int = Field(default=0, ge=0)
    """Questions to the models; a question to both sides counts once."""
    guesses: tuple[InterimVerdict, ...] = ()
    """Interim verdicts, in order."""
