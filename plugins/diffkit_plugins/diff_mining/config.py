"""Options of diff-mining; does not import torch."""

from pydantic import Field

from diffkit import PositionOptions, execution_option


class DiffMiningConfig(PositionOptions):
    """What is read, what counts as pushed up, how much is shown, and how it is executed."""

    texts: int | None = Field(default=None, ge=1)
    """How many of the suite's texts are read, from the first; none reads all."""
    max_tokens: int = Field(default=256, ge=1, le=131_072)
    """Tokens read of each text, from its beginning."""
    top_k: int = Field(default=20, ge=1, le=10_000)
    """How many of the largest differences of a position count as pushed up there."""
    topics: int = Field(default=4, ge=0, le=100)
    """Topics that the tokens pushed up are sorted into; 0 leaves them out."""
    sample: int = Field(default=20_000, ge=1, le=10_000_000)
    """Positions that the topics are learnt from, drawn from all; memory is proportional to it."""
    permutations: int = Field(default=100, ge=19, le=10_000)
    """Random exchanges of the sides that rises are tested by; memory is proportional to it."""
    tokens: int = Field(default=30, ge=1, le=1_000)
    """Rows of each table of tokens over all positions."""
    topic_tokens: int = Field(default=12, ge=1, le=1_000)
    """Rows of each topic."""
    traces: int = Field(default=3, ge=0, le=100)
    """Leading tokens that are shown where their probability rose most."""
    window: int = Field(default=8, ge=0, le=256)
    """Tokens of context shown on each side of such a place."""
    candidates: int = Field(default=4, ge=1, le=50)
    """Likeliest tokens of each side shown at each traced token."""
    batch_size: int = execution_option(16, ge=1, le=4_096)
    """Texts read at a time."""
    chunk: int | None = execution_option(None, ge=1, le=1_048_576)
    """Positions of one text compared at a time; none: as many as fill 4 MB."""
