"""Options of consensus; nothing here imports torch."""

from pydantic import Field

from diffkit import MethodConfig


class ConsensusConfig(MethodConfig):
    """How many findings must agree, and when a change counts as targeted."""

    support: int = Field(default=2, ge=1, le=100)
    """Number of findings in which a word must occur."""
    words: int = Field(default=50, ge=1, le=10_000)
    """Maximum number of words in the claim."""
    alpha: float = Field(default=0.05, gt=0, lt=1)
    """Level of the test of the change score, as a probability of a false alarm."""
