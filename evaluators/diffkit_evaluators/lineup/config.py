"""Options of the lineup."""

from pydantic import Field

from diffkit import MethodConfig


class LineupInvestigatorConfig(MethodConfig):
    """Options of the investigator."""

    words: int = Field(default=200, ge=1)
    """How many words of the findings are read, in the method's own order."""
    only: str | None = None
    """Words of no other findings than those whose title has this in it, in any case; none: of all.
    It tells which of a method's findings names truths."""
    alpha: float = Field(default=0.05, gt=0, lt=1)
    """Level of the detection test, as a probability of a false alarm."""


class LineupGraderConfig(MethodConfig):
    """Options of the grader."""

    words: int = Field(default=200, ge=1)
    """How many distinct content words of a claim are read, from its beginning."""
