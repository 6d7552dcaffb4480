"""Options of the lineup investigator and the lineup grader."""

from pydantic import Field

from diffkit import MethodConfig


class LineupInvestigatorConfig(MethodConfig):
    """Options of the lineup investigator."""

    words: int = Field(default=200, ge=1)
    """Maximum number of words of the claim, in the order of the method's findings."""
    only: str | None = None
    """Claims words only of findings whose title contains this text, ignoring case; null reads all.
    So one can measure which of a method's findings names truths."""
    alpha: float = Field(default=0.05, gt=0, lt=1)
    """Level of the test of the change score, as a probability of a false alarm."""


class LineupGraderConfig(MethodConfig):
    """Options of the lineup grader."""

    words: int = Field(default=200, ge=1)
    """Number of distinct content words of a claim that are read, from its beginning."""
